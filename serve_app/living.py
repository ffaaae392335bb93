"""Customers as stored, for reads over many: one who is damaged must not spoil what is said of the others."""

import logging

from actors.domain.errors import CodecError
from actors.domain.state import CustomerState
from actors.ports import StoredCustomer
from actors.wire.markers import read_marker
from actors.wire.state import unpack_state

log = logging.getLogger(__name__)


def living(row: StoredCustomer) -> CustomerState | None:
    """Return a customer's state; None for who was merged or erased, and for a damaged record."""
    try:
        return None if read_marker(row.state) is not None else unpack_state(row.state)
    except CodecError as error:
        log.error("customer %d is left out: %s", row.number, error)  # noqa: TRY400
        return None
