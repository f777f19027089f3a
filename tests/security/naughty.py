"""Strings of our own that have upset parsers, shells, databases, renderers and comparisons.

Grouped by what they upset. Invisible and ambiguous characters are written as escapes, so that the file shows them.
"""

from __future__ import annotations

from typing import Final
from unicodedata import category

_EMPTYISH = ["", " ", "  ", "\t", "\n", "\r", "\r\n", "\v", "\f", "\0", "\x7f", "\x1b[2J", "\x85"]
_BLANKS = [
    "\u00a0",
    "\u1680",
    "\u2003",
    "\u2028",
    "\u2029",
    "\u202f",
    "\u3000",
    "\u200b",
    "\u2060",
    "\ufeff",
    "k1\u00a0",
    "\u3000k1",
]
_WORDS_OF_LANGUAGES = [
    "null",
    "NULL",
    "None",
    "nil",
    "undefined",
    "true",
    "False",
    "NaN",
    "-Infinity",
    "void",
    "default",
    "self",
    "this",
    "__init__",
    "__globals__",
    "__proto__",
    "prototype",
    "toString",
    "hasOwnProperty",
    "valueOf",
]
_NUMBERS = [
    "0",
    "-0",
    "1",
    "01",
    "0x7f",
    "1e309",
    "1_000",
    "1,5",
    "2147483648",
    "18446744073709551616",
    "9" * 200,
    "0.1e-400",
    "\u0664\u0662",
    "\u00bd",
    "\u2168",
]
_PATHS = [
    ".",
    "..",
    "/",
    "//",
    "../secret",
    "..\\..\\secret.txt",
    "%2e%2e%2fsecret",
    "/proc/self/environ",
    "/dev/zero",
    "C:\\con\\con",
    "\\\\host\\share",
    "~root",
    "file:///etc/hosts",
    "a/b;c=d",
    "nul.txt",
]
_SHELL = ["; ls", "| id", "$(id)", "`id`", "&& true", "$HOME", "!!", "*", "?", "-rf", "--help", "> out", "a'b\"c"]
_QUERIES = [
    "' OR ''='",
    "1; DROP TABLE tenants--",
    '" UNION SELECT secret FROM keys--',
    "%' AND 1=1 /*",
    "*)(cn=*",
    "{'$gt': ''}",
    "//*[1]",
]
_MARKUP = [
    "<b>bold</b>",
    "<svg onload=alert(1)>",
    '"><img src=x onerror=alert(2)>',
    "javascript:alert(3)",
    "&lt;&#x27;",
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///x'>]>",
    "<![CDATA[x]]>",
    "{{ 6 * 7 }}",
    "${6*7}",
    "<%= 6 * 7 %>",
    "#{6*7}",
    "%{6*7}",
    "{0.__class__}",
    "{x!r:>9999}",
    "%s%s%n%p",
    "%(secret)s",
    "@import 'x'",
    "]]>",
    "{}",
    "[]",
]
_HEADERS = [
    "k1\r\nX-Forged: yes",
    "k1\nX-Forged: yes",
    "k1%0d%0aX-Forged: yes",
    "\u560d\u560aX-Forged: yes",
    'quo"ted',
    "back\\slash",
    'realm="forged"',
    "a,b",
    "a;b",
    "=?utf-8?q?x?=",
    "Basic dTpw",
    "k1\0",
]
_SCRIPTS = [
    "\u00e9",
    "e\u0301",
    "\u212b",
    "\u00df",
    "\u0130",
    "\u0131",
    "\u017f",
    "\ufb03",
    "\uff4b\uff11",
    "\u0430dmin",
    "\u202ek1\u202c",
    "\u2066rtl\u2069",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u0645\u0631\u062d\u0628\u0627",
    "\u4f60\u597d",
    "\u30c6\u30b9\u30c8",
    "\ud55c\uad6d\uc5b4",
    "\u0e17\u0e14\u0e2a\u0e2d\u0e1a",
    "Z" + "\u0351\u0343" * 40,
    "\U0001f600",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f1ea\U0001f1fa",
    "\ufffd",
    "\ufffe",
    "\uffff",
    "\U0010ffff",
    "\ue000",
    "\U000e0041",
]
_SURROGATES = ["\ud800", "\udfff", "a\ud83d", "\ude00\ud83d"]
_LONG = ["k" * 256, "k" * 257, "\u00e9" * 256, "\U0001f600" * 257, " " * 1000]

NAUGHTY: Final = [
    *_EMPTYISH,
    *_BLANKS,
    *_WORDS_OF_LANGUAGES,
    *_NUMBERS,
    *_PATHS,
    *_SHELL,
    *_QUERIES,
    *_MARKUP,
    *_HEADERS,
    *_SCRIPTS,
    *_SURROGATES,
    *_LONG,
]


def may_not_be_a_key_id(text: str) -> bool:
    """What the contract says of key ids and issuers: 1 to 256 characters, none of category Cc or Cs."""
    return not 1 <= len(text) <= 256 or any(category(char) in {"Cc", "Cs"} for char in text)
