"""What the Serve applications are told."""

from pydantic import BaseModel, ConfigDict

QUIET = {"log_level": "WARNING", "enable_access_log": False}
"""For every deployment: Serve would make a log record for each request, and then drop it."""


class AppSettings(BaseModel):
    """Settings of front door, stream and model server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store_url: str
    virtual: bool = False
    namespace: str = "righttime"
    model_app: str = "models"
    model_deployment: str = "models"
    front_doors: int = 1
