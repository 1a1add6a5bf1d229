"""ISO 4217 alphabetic codes: the active list without XXX ("no currency"), and the codes that left it since 2020.

A withdrawn code stays, so that old documents can be replayed.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_ACTIVE: Final = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CLF
CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF
IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT
MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS
VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA YER ZAR ZMW ZWG
"""
_WITHDRAWN: Final = "ANG BGN CUC HRK SLL ZWL"

CURRENCIES: Final = tuple(sorted(f"{_ACTIVE} {_WITHDRAWN}".split()))

# Only currencies whose minor unit is not a hundredth. ISO 4217 gives metals and funds codes (XAU, XDR) no minor unit.
_OF_DIGITS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF "
        "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }
)
_DIGITS: Final = {currency: digits for digits, named in _OF_DIGITS.items() for currency in named.split()}


def minor_digits(currency: str) -> int:
    """Return how many decimals an amount in `currency` has: GBP 2, JPY 0, BHD 3."""
    return _DIGITS.get(currency, 2)
