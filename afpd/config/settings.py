"""Everything that can be set, as one frozen object."""

from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic.json_schema import GenerateJsonSchema

from afpd.clock import zone
from afpd.config.google import GmailSettings
from afpd.config.kinds import Section, ZoneName
from afpd.config.notices import NoticesSettings
from afpd.config.sections import (
    BanksSettings,
    CleanupSettings,
    DaemonSettings,
    DatabaseSettings,
    ImportSettings,
    LogSettings,
    ParsingSettings,
    SecretsSettings,
    StatusSettings,
)
from afpd.config.units import format_duration

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


class Settings(Section):
    """The whole of afpd.toml. `[import]` is `imports` here, because `import` is a word of Python."""

    timezone: ZoneName = Field(
        default="local", description='The zone of "today", such as "America/Costa_Rica"; local: that of the machine.'
    )
    database: DatabaseSettings = DatabaseSettings()
    secrets: SecretsSettings = SecretsSettings()
    imports: ImportSettings = Field(default=ImportSettings(), validation_alias="import", serialization_alias="import")
    parsing: ParsingSettings = ParsingSettings()
    cleanup: CleanupSettings = CleanupSettings()
    gmail: GmailSettings = GmailSettings()
    status: StatusSettings = StatusSettings()
    banks: BanksSettings = BanksSettings()
    notices: NoticesSettings = NoticesSettings()
    daemon: DaemonSettings = DaemonSettings()
    log: LogSettings = LogSettings()

    @property
    def zone(self) -> tzinfo:
        """The zone in which a day is a day."""
        return zone(self.timezone)

    @property
    def key_path(self) -> Path:
        """Where the key file belongs: as set, otherwise afpd.key beside the SQLite file."""
        return self.secrets.key_file or self.database.sqlite_path.with_name("afpd.key")


class _SchemaWithUnits(GenerateJsonSchema):
    """Writes default durations as afpd.toml writes them, not as ISO 8601."""

    def encode_default(self, dft: Any) -> Any:
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def settings_schema() -> dict[str, Any]:
    """Return the JSON Schema of afpd.toml, for editors."""
    schema = Settings.model_json_schema(schema_generator=_SchemaWithUnits)
    return {"$schema": SCHEMA_ID, **schema, "title": "afpd.toml"}
