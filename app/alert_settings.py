"""Settings of alerts: from when on something is worth one."""

from pydantic import Field
from pydantic_settings import BaseSettings

from domain.alerts import AlertBounds, RateBounds

_STANDARD = AlertBounds()


def _share(default: float, description: str) -> float:
    shown: float = Field(default=default, gt=0, le=1, description=description)
    return shown


class AlertSettings(BaseSettings):
    """A part of `Settings`."""

    alert_quota_share: float = _share(
        _STANDARD.quota_share,
        "Share of a mailbox's daily capacity that is an alert when it is spent early in the day.",
    )
    alert_window_share: float = _share(
        _STANDARD.window_share, "Early is before this share of the mailbox's working hours is over."
    )
    alert_bounce_warn: float = _share(
        _STANDARD.bounces.warn, "Share of bounced emails over seven days that is worth a warning."
    )
    alert_bounce_stop: float = _share(
        _STANDARD.bounces.stop, "Share of bounced emails from which on the mailbox should stop."
    )
    alert_complaint_warn: float = _share(
        _STANDARD.complaints.warn, "Share of complaints over seven days that is worth a warning."
    )
    alert_complaint_stop: float = _share(
        _STANDARD.complaints.stop, "Share of complaints from which on the mailbox should stop."
    )
    alert_failure_warn: float = _share(
        _STANDARD.failures.warn, "Share of failed emails over seven days that is worth a warning."
    )
    alert_failure_stop: float = _share(
        _STANDARD.failures.stop, "Share of failed emails from which on the mailbox should stop."
    )
    alert_sample: int = Field(
        default=_STANDARD.bounces.sample,
        ge=1,
        description="Fewest emails of a mailbox from which its bounces and failures are judged.",
    )
    alert_complaint_sample: int = Field(
        default=_STANDARD.complaints.sample,
        ge=1,
        description="Fewest sent emails of a mailbox from which its complaints are judged.",
    )
    alert_late_emails: int = Field(
        default=_STANDARD.late_emails,
        ge=1,
        description="So many emails of a workspace that are more than five minutes late are an alert.",
    )

    @property
    def alert_bounds(self) -> AlertBounds:
        return AlertBounds(
            quota_share=self.alert_quota_share,
            window_share=self.alert_window_share,
            bounces=RateBounds(self.alert_bounce_warn, self.alert_bounce_stop, self.alert_sample),
            complaints=RateBounds(
                self.alert_complaint_warn, self.alert_complaint_stop, self.alert_complaint_sample
            ),
            failures=RateBounds(self.alert_failure_warn, self.alert_failure_stop, self.alert_sample),
            late_emails=self.alert_late_emails,
        )
