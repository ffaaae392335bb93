"""States that stay objects between turns, for who asks for their bytes only now and then.

To pack a state whose objects are scattered through memory costs a sixth of its turn. Who has all customers in one
process, and no disk to write to, needs the bytes at checkpoints alone.
"""

from actors.domain.errors import UnkeptError
from actors.domain.state import CustomerState
from actors.wire.state import pack_state, unpack_state


class Kept:
    """The states of customers as their last commit left them; a turn changes them in place.

    A turn that fails is undone only where its customer has had none since the state was packed last.
    """

    def __init__(self) -> None:
        self._states: dict[int, CustomerState] = {}
        self._packed: dict[int, bytes] = {}

    def lend(self, number: int) -> CustomerState | None:
        """Return the state of a customer for a turn, or None when it is not kept here."""
        return self._states.get(number)

    def keep(self, number: int, state: CustomerState) -> None:
        """Keep a state as it was committed; it is nobody else's from here on."""
        self._states[number] = state
        self._packed.pop(number, None)

    def undo(self, number: int) -> None:
        """Go back to what was committed last, whatever has been done to the state since.

        Raises:
            UnkeptError: It is not known any more.
        """
        if number not in self._states:  # new, or read from bytes
            return
        before = self._packed.get(number)
        if before is None:
            raise UnkeptError(number)
        self._states[number] = unpack_state(before)

    def packed(self, number: int) -> bytes:
        """Return a state's bytes, between its turns; empty when it is not kept here.

        Raises:
            UnkeptError: It cannot be packed: a turn has left what bytes cannot hold.
        """
        state = self._states.get(number)
        if state is None:
            return b""
        found = self._packed.get(number)
        if found is None:
            try:
                found = self._packed[number] = pack_state(state)
            except Exception as error:
                raise UnkeptError(number) from error
        return found
