import numpy as np
import pytest

import dlkit
from dlkit import backend
from dlkit.stand_in import DeviceArray


def test_every_public_name_exists():
    assert sorted(set(dlkit.__all__)) == sorted(dlkit.__all__)
    assert all(hasattr(dlkit, name) for name in dlkit.__all__)
    assert all(hasattr(backend, name) for name in backend.__all__)


def test_numpy_is_the_backend_unless_told_otherwise():
    assert backend.current().name == "numpy"
    assert type(dlkit.zeros(3)) is np.ndarray
    assert dlkit.array_module() is np


def test_creation_asks_the_context():
    with dlkit.use("stand-in") as chosen:
        assert chosen.name == "stand-in"
        assert isinstance(dlkit.zeros((2, 3)), DeviceArray)
        assert isinstance(dlkit.ones(2, dtype=np.float32), DeviceArray)
        assert isinstance(dlkit.asarray([1.0]), DeviceArray)
        assert dlkit.array_module() is chosen.module
    assert backend.current().name == "numpy"


def test_the_earlier_backend_returns_after_an_error():
    with pytest.raises(KeyError), dlkit.use("stand-in"):
        raise KeyError
    assert backend.current().name == "numpy"


def test_uses_nest():
    with dlkit.use("stand-in"):
        with dlkit.use("numpy"):
            assert type(dlkit.zeros(1)) is np.ndarray
        assert isinstance(dlkit.zeros(1), DeviceArray)


def test_computation_asks_the_array():
    with dlkit.use("stand-in") as device:
        x = dlkit.zeros(3)
    assert dlkit.array_module(x) is device.module
    assert dlkit.array_module(np.zeros(3), x) is device.module
    assert dlkit.array_module(np.zeros(3), 1.0) is np


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_an_array_survives_the_journey_to_the_device_and_back(rng, dtype):
    host = (rng.normal(size=(3, 4)) * 9).astype(dtype)
    with dlkit.use("stand-in"):
        device = dlkit.asarray(host)
    returned = dlkit.to_numpy(device)
    assert returned.dtype == dtype
    np.testing.assert_array_equal(host, returned)


def test_asarray_converts_to_the_dtype_that_is_given():
    assert dlkit.asarray([1, 2], dtype=np.float32).dtype == np.float32


def test_asarray_under_numpy_fetches_a_device_array():
    with dlkit.use("stand-in"):
        x = dlkit.ones(2)
    assert type(dlkit.asarray(x)) is np.ndarray


def test_to_numpy_leaves_a_host_array_where_it_is():
    x = np.zeros(3)
    assert dlkit.to_numpy(x) is x


@pytest.mark.parametrize("name", ["numpy", "stand-in"])
def test_scatter_add_adds_up_repeated_indices(name):
    with dlkit.use(name):
        target = dlkit.zeros((4, 2))
        index = dlkit.asarray([[1, 1], [3, 1]])
        dlkit.scatter_add(target, index, dlkit.ones((2, 2, 2)))
    np.testing.assert_array_equal([[0, 0], [3, 3], [0, 0], [1, 1]], dlkit.to_numpy(target))


def test_an_unknown_backend_is_named_with_those_that_exist():
    with pytest.raises(dlkit.BackendError, match=r"no backend 'abacus'.*numpy"):
        dlkit.use("abacus")


def test_available_says_yes_or_why_not(monkeypatch):
    def broken():
        message = "The device has no power."
        raise backend.BackendError(message)

    monkeypatch.setattr(backend, "_LOADERS", dict(backend._LOADERS))
    monkeypatch.setattr(backend, "_LOADED", dict(backend._LOADED))
    backend.register("broken", broken)
    found = backend.available()
    assert found["numpy"] == found["stand-in"] == "yes"
    assert found["broken"] == "The device has no power."
    assert found["cupy"] == "yes" or found["cupy"].startswith("CuPy ")


def test_a_backend_registered_anew_replaces_the_loaded_one(monkeypatch):
    monkeypatch.setattr(backend, "_LOADERS", dict(backend._LOADERS))
    monkeypatch.setattr(backend, "_LOADED", dict(backend._LOADED))
    waited = []
    backend.register("slow", lambda: backend.Backend("slow", np, np.matrix, np.asarray, lambda: waited.append(1)))
    with dlkit.use("slow"):
        dlkit.synchronize()
    assert waited == [1]
    backend.register("slow", lambda: backend.Backend("slow", np, np.matrix, np.asarray, lambda: waited.append(2)))
    with dlkit.use("slow"):
        dlkit.synchronize()
    assert waited == [1, 2]


@pytest.mark.gpu
def test_cupy_computes_what_numpy_does(rng):
    pytest.importorskip("cupy", reason="CuPy is not installed here")
    host = rng.normal(size=(3, 4))
    with dlkit.use("cupy"):
        x = dlkit.asarray(host)
    assert dlkit.array_module(x).__name__ == "cupy"
    np.testing.assert_allclose(np.exp(host) @ host.T, dlkit.to_numpy(dlkit.array_module(x).exp(x) @ x.T), rtol=1e-12)
