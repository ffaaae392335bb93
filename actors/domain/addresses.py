"""Where a customer can be reached on a channel, as the profile says."""

from actors.domain.profile import Profile

_TRAITS = (("mail", "email"), ("sms", "phone"), ("whatsapp", "phone"), ("push", "push_token"))
"""What a channel's name holds, and the trait with the address for it."""

MAX_ADDRESS = 320


def address_of(profile: Profile, channel: str) -> str:
    """Return the address for a channel: a trait, by the channel's name; empty when there is none."""
    name = channel.lower()
    for part, trait in _TRAITS:
        if part in name:
            value = profile.traits.get(trait)
            return value if isinstance(value, str) and len(value) <= MAX_ADDRESS else ""
    return ""
