"""Sounds out of noise: it learns, resumes to the bit, in two processes too, and the stock pipeline makes the same."""

import io

import numpy as np
import pytest
import soundfile
import torch
import yaml
from diffusers import DanceDiffusionPipeline, DiffusionPipeline, IPNDMScheduler
from huggingface_hub import ModelCard
from PIL import Image
from safetensors.torch import load_file

from compute.recipes.configuration import as_plain
from compute.recipes.dance_diffusion.config import Config
from compute.recipes.dance_diffusion.distance import frames_of, spectral_distance
from compute.recipes.dance_diffusion.noise import drawn_times, noised, weights
from compute.recipes.dance_diffusion.notes import clear_share, held_share, strongest
from compute.recipes.dance_diffusion.program import DanceDiffusion, run
from compute.recipes.dance_diffusion.tones import KINDS, as_wav, make_sound, write_parquet
from compute.recipes.data.config import SoundsConfig
from compute.recipes.data.facts import look_up
from compute.recipes.data.opt_outs import LeftOut
from compute.recipes.data.sounds import decoded, load_sounds
from compute.recipes.refusal import Refused
from hub.algorithms.snippets import snippets_of
from tests.compute.recipes.small import configured, events, metric
from tests.compute.recipes.started import killed_at_checkpoint, two_processes

DATA = {"sample_rate": 4000, "length": 512, "most_test": 12}
MODEL = {"channels": [16, 32], "attention": 0}
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tones")
    write_parquet(folder, train=48, test=12, rate=8000, seconds=0.25)
    return folder


def _config(tones, output, **training):
    training = {"steps": 40, "batch": 8, "learning_rate": 3e-3} | training
    sections = {"dataset": DATA, "model": MODEL, "sampling": {"steps": 4, "judged": 8, "checker": "tones"}}
    return configured(Config, tones, output, **sections, training=training, validation={"every": 30, "pictures": 3})


def _sounds(pipeline):
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(num_inference_steps=4, generator=torch.Generator().manual_seed(4)).audios


def test_it_learns_and_the_stock_pipeline_makes_the_same_sounds(tones, tmp_path, monkeypatch):
    config = _config(tones, tmp_path)
    folder = run(config)
    before, after = metric(config.folder, "validation_loss")
    assert after < 0.85 * before
    assert metric(config.folder, "spectral_distance")[1] < metric(config.folder, "spectral_distance")[0]
    assert 0.0 <= metric(config.folder, "clear_notes")[1] <= 1.0

    pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    assert (type(pipeline), type(pipeline.scheduler)) == (DanceDiffusionPipeline, IPNDMScheduler)
    made = _sounds(pipeline)
    assert made.shape == (1, 1, 512)
    assert np.array_equal(made, _sounds(DanceDiffusionPipeline.from_pretrained(folder)))

    for path in (config.folder / "samples" / "step-00000030.wav", folder / "samples.wav"):
        samples, rate = soundfile.read(path)
        assert (rate, len(samples)) == (4000, 3 * (512 + 1000)), "three sounds with pauses"
    with Image.open(folder / "samples.png") as picture:
        assert picture.size == (3 * 256, 128)
    heard = [event["path"][-4:] for event in events(config.folder, "sample")]
    assert heard == [".wav", ".png"] * 2
    board = b"".join(path.read_bytes() for path in (config.folder / "tensorboard").iterdir())
    assert b"RIFF" in board, "TensorBoard plays them"

    card = ModelCard.load(folder / "README.md")
    assert card.data.pipeline_tag == "unconditional-audio-generation"
    assert '<audio controls src="samples.wav"></audio>' in card.text
    assert "| Spectral distance to them |" in card.text

    monkeypatch.setenv("HF_ENDPOINT", "set by the snippet")
    monkeypatch.chdir(tmp_path)
    task = card.data.pipeline_tag
    snippet = snippets_of(
        "model", str(folder), library=card.data.library_name, endpoint="https://hub.example", task=task
    )[0]
    exec(snippet.code, {})
    assert soundfile.info(tmp_path / "sound.wav").frames == 512


def test_a_killed_run_ends_with_the_same_bits(tones, tmp_path):
    steps = {"steps": 12, "checkpoint_every": 4}
    whole = run(_config(tones, tmp_path / "whole", **steps))
    config = _config(tones, tmp_path / "killed", **steps)
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(as_plain(config)))
    killed_at_checkpoint("dance_diffusion", file)
    resumed = run(config)
    assert events(config.folder, "resume")
    ours, theirs = load_file(whole / WEIGHTS), load_file(resumed / WEIGHTS)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_two_processes_train_as_one_that_gathers_two_batches(tones, tmp_path):
    steps = {"steps": 4, "batch": 4}
    alone = run(_config(tones, tmp_path / "alone", **steps, accumulate=2))
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(as_plain(_config(tones, tmp_path / "both", **steps))))
    two_processes("dance_diffusion", file)
    ours, theirs = load_file(tmp_path / "both" / "model" / WEIGHTS), load_file(alone / WEIGHTS)
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, atol=2e-5, rtol=1e-4)


def test_sounds_in_folders_are_read_at_one_rate(tmp_path):
    for split, count in {"train": 3, "test": 1}.items():
        (tmp_path / "data" / split).mkdir(parents=True)
        for place in range(count):
            sound = make_sound(np.random.default_rng(place), KINDS[place], rate=8000, seconds=0.5)
            both = np.stack([sound, sound], axis=1)
            path = tmp_path / "data" / split / f"{place}.{'wav' if place % 2 else 'flac'}"
            soundfile.write(path, both, 8000)
    config = SoundsConfig(path=str(tmp_path / "data"), sample_rate=4000)
    facts = look_up(config)
    sounds = load_sounds(config, facts, LeftOut(), tmp_path / "cache")
    assert (len(sounds), sounds.starts) == (3, [0, 2000, 4000, 6000])
    assert len(load_sounds(config, facts, LeftOut(), tmp_path / "cache", test=True)) == 1
    assert len(load_sounds(config, facts, LeftOut(path=frozenset({"train/1.wav"})), tmp_path / "cache")) == 2
    longer = sounds.crop(2, 0.7, 2500)
    assert longer.shape == (1, 2500)
    assert not longer[:, 2000:].any(), "silence follows"
    assert torch.equal(sounds.crop(1, 1.0, 500), sounds.crop(1, 0.0, 2000)[:, 1500:])

    (tmp_path / "data" / "train" / "9.wav").write_bytes(b"RIFF and nothing more")
    with pytest.raises(Refused, match=r"The sound train/9.wav cannot be read"):
        load_sounds(config, look_up(config), LeftOut(), tmp_path / "cache")
    (tmp_path / "data" / "train" / "9.wav").unlink()
    with pytest.raises(Refused, match="no sounds left in 'validation'"):
        other = SoundsConfig(path=config.path, test_split="validation")
        load_sounds(other, look_up(other), LeftOut(), tmp_path / "cache", test=True)


def test_resampling_keeps_the_pitch():
    times = np.arange(8000) / 8000
    data = as_wav(np.sin(2 * np.pi * 440 * times).astype(np.float32), 8000)
    samples = decoded(data, rate=4000, channels=2)
    assert samples.shape == (4000, 2)
    assert np.abs(np.fft.rfft(samples[:, 0])).argmax() == 440
    stereo = io.BytesIO()
    soundfile.write(stereo, np.stack([times, -times], axis=1) * 0.5, 8000, format="WAV")
    assert np.abs(decoded(stereo.getvalue(), rate=8000, channels=1)).max() < 1e-3, "mixed"


def test_the_spectral_distance_tells_tones_from_noise():
    random = np.random.default_rng(0)
    real, others = (
        np.stack([make_sound(random, KINDS[place % 3], rate=4000, seconds=0.5) for place in range(24)])[:, None]
        for _ in range(2)
    )
    noise = random.normal(size=real.shape).astype(np.float32) * 0.3
    alike = spectral_distance(frames_of(real, 4000), frames_of(others, 4000))
    assert spectral_distance(frames_of(real, 4000), frames_of(real, 4000)) == pytest.approx(0.0, abs=1e-4)
    assert alike < 0.1 * spectral_distance(frames_of(real, 4000), frames_of(noise, 4000))


def test_all_times_cost_alike_who_knows_only_how_loud_sounds_are():
    deviation = 0.1
    random = torch.Generator().manual_seed(0)
    sounds, noise = deviation * torch.randn(8, 1, 20_000, generator=random), torch.randn(8, 1, 20_000, generator=random)
    times = torch.linspace(0.0, 1.0, 8)
    noisy, target = noised(sounds, noise, times)
    # The best that can be said of white sounds: a share of what is heard.
    shares = (noisy * target).mean(dim=2, keepdim=True) / noisy.square().mean(dim=2, keepdim=True)
    errors = (target - shares * noisy).square().mean(dim=(1, 2))
    assert errors[0] > 50 * errors[-1], "unweighed, little noise is all that counts"
    torch.testing.assert_close(errors * weights(times, deviation), torch.ones(8), atol=0.05, rtol=0.0)


def test_times_are_practised_as_the_stock_scheduler_passes_them():
    scheduler = IPNDMScheduler()
    scheduler.set_timesteps(1000)
    drawn = drawn_times(1000, torch.Generator().manual_seed(0)).sort(descending=True).values
    torch.testing.assert_close(drawn, scheduler.timesteps, atol=0.05, rtol=0.0)


def test_crops_are_made_loud_and_silence_stays_silent(tones, tmp_path):
    recipe = DanceDiffusion(_config(tones, tmp_path, loudest=0.9))
    quiet = torch.randn(1, 512, generator=torch.Generator().manual_seed(0)) * 0.05
    assert float(recipe._levelled(quiet).abs().max()) == pytest.approx(0.9)
    assert float(recipe._levelled(quiet * 1e-3).abs().max()) < 0.1
    assert torch.equal(DanceDiffusion(_config(tones, tmp_path))._levelled(quiet), quiet)


def test_notes_and_chords_are_clear_drums_and_noise_are_not():
    random = np.random.default_rng(0)

    def share(kind):
        sounds = np.stack([make_sound(random, kind, rate=4000, seconds=0.5) for _ in range(8)])[:, None]
        noisy = sounds + random.normal(size=sounds.shape) * sounds.std() * 0.1
        assert clear_share(noisy, 4000) == clear_share(sounds, 4000), "20 decibels of noise below it change nothing"
        assert held_share(sounds, 4000) == clear_share(sounds, 4000)
        return clear_share(sounds, 4000)

    assert (share("tone"), share("chord"), share("percussion")) == (1.0, 1.0, 0.0)
    assert strongest(random.normal(size=2048), 4000, 0.125) < 0.3
    assert strongest(random.normal(size=2048), 4000, 0.5) < 0.2


def test_a_note_is_held_when_it_stays_in_phase_and_clear_when_it_is_one_at_each_moment():
    times = np.arange(2048) / 4000
    steady = np.sin(2 * np.pi * 220 * times)
    assert strongest(steady, 4000, 0.5) > 0.99
    assert strongest(np.sin(2 * np.pi * 208 * times), 4000, 0.5) < 0.5, "between the notes of the data"
    wanders = np.random.default_rng(1).normal(size=2048).cumsum() * 0.08
    wandering = np.sin(2 * np.pi * 220 * times + wanders)[None, None]
    assert (clear_share(wandering, 4000), held_share(wandering, 4000)) == (1.0, 0.0)
    two = np.concatenate([steady[:1024], np.sin(2 * np.pi * 246.94 * times[:1024])])[None, None]
    assert (clear_share(two, 4000), held_share(two, 4000)) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("section", "keys", "words"),
    [
        ("dataset", {"length": 510}, r"multiple of 4"),
        ("dataset", {"channels": 3}, "must be 1 or 2"),
        ("model", {"channels": [16, 24]}, "multiples of 32"),
        ("model", {"attention": 2}, "less than the number"),
        ("model", {"attention": 1}, r"The last 2 of 'model.channels'"),
        ("training", {"loudest": 1.5}, "between 0 and 1"),
    ],
)
def test_what_cannot_work_is_refused(tones, tmp_path, section, keys, words):
    sections = {"dataset": DATA, "model": MODEL}
    sections[section] = sections.get(section, {}) | keys
    with pytest.raises(Refused, match=words):
        run(configured(Config, tones, tmp_path, **sections))
