"""Values of the replaced system in our terms: naive local times, float amounts, and its words."""

import math
import unicodedata
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

from afpd.model import BatchStatus, Direction, Kind, Outcome, Status
from afpd.store.types import utc_text

NO_CURRENCY = "XXX"  # ISO 4217: no currency
# ISO 4217: minor units other than two.
_MINOR_UNIT_CODES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_MINOR_UNITS = {code: digits for digits, codes in _MINOR_UNIT_CODES.items() for code in codes.split()}
# A double tells 15 decimal digits for certain (DBL_DIG); what stands behind them is noise of arithmetic.
_CERTAIN_DIGITS = 15
_SECONDS_BELOW = 1e11  # a larger number counts milliseconds

_OUTCOMES = {
    Outcome.SUCCESS: "success succeeded successful completed complete parsed processed done ok",
    Outcome.FAILED: "failed failure error",
    Outcome.IGNORED: "ignored skipped",
    Outcome.PENDING: "pending processing in_progress new queued",
}
_BATCHES = {
    BatchStatus.COMPLETED: "completed complete success succeeded successful done finished ok",
    BatchStatus.FAILED: "failed failure error",
    BatchStatus.INTERRUPTED: "running pending processing in_progress started queued cancelled canceled interrupted",
}
_KINDS = {
    (Kind.PURCHASE, Direction.DEBIT): "expense gasto purchase compra consumo payment_card sale",
    (Kind.WITHDRAWAL, Direction.DEBIT): "withdrawal withdraw retiro atm",
    (Kind.TRANSFER, None): "transfer transferencia sinpe",
    (Kind.TRANSFER, Direction.DEBIT): "transfer_out transferencia_enviada transferencia_saliente",
    (Kind.TRANSFER, Direction.CREDIT): "transfer_in transferencia_recibida transferencia_entrante",
    (Kind.DEPOSIT, Direction.CREDIT): "income ingreso deposit deposito salary salario abono",
    (Kind.PAYMENT, Direction.DEBIT): "payment pago",
    (Kind.FEE, Direction.DEBIT): "fee comision charge_fee",
    (Kind.REVERSAL, Direction.CREDIT): "reversal reverso refund reembolso devolucion",
    (Kind.OTHER, Direction.DEBIT): "debit debito egreso cargo charge outflow salida",
    (Kind.OTHER, Direction.CREDIT): "credit credito inflow entrada",
}
_DECLINED = ("rejected", "declined", "denied", "rechazado", "rechazada", "denegado", "denegada")
_OUTCOME_OF = {word: outcome for outcome, words in _OUTCOMES.items() for word in words.split()}
_BATCH_OF = {word: status for status, words in _BATCHES.items() for word in words.split()}
_KIND_OF = {word: found for found, words in _KINDS.items() for word in words.split()}


def moment_of(value: object, zone: tzinfo) -> datetime | None:
    """Return an aware moment from what a DATETIME column held, or None where it is no time.

    A naive text is local in `zone`: of an hour that comes twice the first is taken, one that never was counts on from
    before the gap (PEP 495, fold 0). A number is Unix time.
    """
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / (1 if abs(value) < _SECONDS_BELOW else 1000), UTC)
        moment = datetime.fromisoformat(str(value).strip()) if value is not None else None
        if moment is None or moment.tzinfo is not None:
            return moment and moment.astimezone(UTC)
        offset = moment.replace(tzinfo=zone).utcoffset()
        return moment.replace(tzinfo=UTC) - offset if offset is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def utc_of(value: object, zone: tzinfo) -> str | None:
    """Return the same moment as our columns hold it: text in UTC; None where the value is no time."""
    moment = moment_of(value, zone)
    return None if moment is None else utc_text(moment)


def exact_amount(value: object, currency: str) -> tuple[str, bool]:
    """Return a float as the positive decimal text that it was meant to be, and whether it was negative.

    At least the minor units of the currency are written (ISO 4217), further digits stay. Raises ValueError for what
    is no number.
    """
    number = float(str(value))
    if not math.isfinite(number):
        raise ValueError("an amount must be finite")
    exact = Decimal(value) if isinstance(value, int) else Decimal(format(number, f".{_CERTAIN_DIGITS}g"))
    whole, _, fraction = format(abs(exact), "f").partition(".")
    fraction = fraction.rstrip("0").ljust(_MINOR_UNITS.get(currency, 2), "0")
    return (f"{whole}.{fraction}" if fraction else whole), exact < 0


def currency_of(value: object) -> str:
    """Return an ISO 4217 code, XXX where the value is none."""
    code = str(value or "").strip().upper()
    return code if len(code) == 3 and code.isascii() and code.isalpha() else NO_CURRENCY


def outcome_of(value: object, *, booked: bool) -> Outcome:
    """Return the outcome that a parsing_status means; a job whose transaction exists is never read again."""
    outcome = _OUTCOME_OF.get(_word(value), Outcome.SUCCESS if booked else Outcome.UNMATCHED)
    return Outcome.SUCCESS if booked and outcome is Outcome.PENDING else outcome


def batch_status_of(value: object, *, error: object, ended: bool) -> BatchStatus:
    """Return the status of a batch; where the word is unknown, what the row tells otherwise decides."""
    guess = BatchStatus.FAILED if error else BatchStatus.COMPLETED if ended else BatchStatus.INTERRUPTED
    return _BATCH_OF.get(_word(value), guess)


def kind_of(value: object) -> tuple[Kind, Direction]:
    """Return kind and direction of a transaction_type in English or Spanish; where unclear it is a debit."""
    kind, direction = _KIND_OF.get(_word(value), (Kind.OTHER, None))
    return kind, direction or Direction.DEBIT


def status_of(verification: object) -> Status:
    """Return approved, unless the verification_status says that the money never moved."""
    return Status.DECLINED if _word(verification) in _DECLINED else Status.APPROVED


def _word(value: object) -> str:
    plain = unicodedata.normalize("NFKD", str(value or "")).encode("ascii", "ignore").decode()
    return "_".join(plain.casefold().replace("-", " ").replace("_", " ").split())
