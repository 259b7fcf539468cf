"""Making the tiny model."""

from flamingo_trainer.models.tiny import make


def test_the_tiny_model_is_made_of_the_same_bytes_each_time(tiny_model, tmp_path):
    make(tmp_path / "again")
    files = sorted(path.name for path in tiny_model.iterdir())
    assert files == sorted(path.name for path in (tmp_path / "again").iterdir())
    for name in files:
        assert (tiny_model / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name
    assert list(tmp_path.iterdir()) == [tmp_path / "again"]  # nothing temporary is left


def test_an_existing_model_is_left_alone(tiny_model, capsys):
    before = (tiny_model / "config.json").stat().st_mtime_ns
    make(tiny_model)
    assert "is there already" in capsys.readouterr().out
    assert (tiny_model / "config.json").stat().st_mtime_ns == before
