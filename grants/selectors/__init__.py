"""Reading, limited to what the person who asks may see. Blindness and recusal are decided here only."""
