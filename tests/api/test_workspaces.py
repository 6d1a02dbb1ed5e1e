"""Asking who one is."""

from tests.api.client import ApiClient


async def test_the_caller_is_its_workspace(api: ApiClient) -> None:
    """Without a window, emails may leave at every hour of every day."""
    data = await api.data("{ viewer { workspace { name zone sendWindow { weekdays } } } }")

    assert data["viewer"]["workspace"] == {"name": "Welcome Ltd", "zone": "UTC", "sendWindow": None}
