from compute.recipes.again import same_command


def test_by_hand_the_same_command_is_enough(monkeypatch):
    monkeypatch.delenv("JOB_ID", raising=False)
    assert same_command() == "The same command"


def test_in_a_job_the_label_leads_to_its_folder(monkeypatch):
    monkeypatch.setenv("JOB_ID", "abc")
    assert same_command() == "The same command, submitted with the label continues=abc,"
