"""Where a person is mentioned: however it is written, and nobody else's values."""

import io
import zipfile
from datetime import timedelta

import msgspec
import pytest

from conftest import NOW
from kaquan.customers import Customer, CustomerDraft, erase_customer, upsert_customer
from kaquan.customers.mentions import Mentions
from kaquan.runtime import NotFound, Tx, append_to_file, create_file, get_file, start_action

ANN = Customer(
    id="cust_06h0644ti7b7jc3ddv2b",
    source_id="a1",
    name="王小明",
    email="Ann.Lee@example.com",
    phone="+8613800138000",
    birth_date=None,
    description=None,
    address=None,
    metadata={},
    created_at=NOW,
    updated_at=None,
)
HERS = Mentions([ANN], ["openid-4711", "K7", "42", "10042"])
TEXTS: list[tuple[str, bool]] = [
    ("cust_06h0644ti7b7jc3ddv2b", True),
    ("to ann.lee@EXAMPLE.com, please", True),
    ("joann.lee@example.com", False),
    ("ann.lee@example.community", False),
    ("+86 138-0013-8000", True),
    ("tel:013800138000", True),
    ("138 0013 8000", True),
    ("+86 (0) 138.0013.8000", True),
    ("1380013800", False),
    ("138001380001", False),
    ("213800138000", True),  # as likely a prefix without its plus
    ("openid-4711", True),
    ("openid-47112", False),
    ("K7", True),
    ("K72", False),
    ("in room K7 today", False),
    ("a1", True),
    ("42", False),
    ("10042", True),
    ("王小明", True),
    ("王小明明", False),
    ("", False),
]


@pytest.mark.parametrize(("text", "hers"), TEXTS)
def test_a_value_is_found_however_it_is_written(text: str, hers: bool) -> None:
    assert HERS.in_text(text) is hers
    rows = f"id,what\nx,{text}\n"
    for encoding in ("utf-8", "gb18030"):
        assert HERS.in_bytes(rows.encode(encoding)) is hers
    assert HERS.in_bytes(msgspec.json.encode({"n": 1, "what": [text]})) is hers
    assert HERS.in_bytes(b'{"what":"\\u738b\\u5c0f\\u660e"}')
    assert HERS.scrub({"a1b": [1, None, {"value": text}]}) == {
        "a1b": [1, None, {"value": "erased" if hers else text}]
    }


@pytest.mark.parametrize(
    ("content", "hers"),
    [
        (_content, _hers)
        for _content, _hers in (
            (b"<row><v>13800138000</v></row>", True),
            (b"<row><v>13800138001</v></row>", False),
        )
    ],
)
def test_archives_are_unpacked(content: bytes, hers: bool) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first.xml", b"<row/>" * 100_000)
        archive.writestr("sheet.xml", b" " * 300_000 + content)
    assert HERS.in_archive(packed) is hers
    # What cannot be looked through may mention anybody.
    assert HERS.in_archive(io.BytesIO(packed.getvalue()[:-30]))


async def test_files_go_unless_an_import_is_reading_them(tx: Tx) -> None:
    ann = await upsert_customer(
        tx, CustomerDraft(source_id="ann", email="ann@quokka.example"), now=NOW
    )
    contents = {
        "across parts": [b"x" * 300_000 + b",ann@quok", b"ka.example\n"],
        "parquet": [b"PAR1 whatever"],
        "another's": [b"id,mail\nbob,joann@quokka.example\n"],
        "being read": [b"id\nann\n"],
    }
    files = {name: await create_file(tx, name, now=NOW) for name in contents}
    for name, parts in contents.items():
        for part in parts:
            await append_to_file(tx, files[name], part)
    asked = {"file_id": files["being read"]}
    await start_action(tx, "CUSTOMERS_IMPORT", request=asked, total=1, now=NOW)
    await erase_customer(tx, ann.id, now=NOW + timedelta(days=1))
    left: set[str] = set()
    for name, file_id in files.items():
        try:
            left.add((await get_file(tx, file_id)).name)
        except NotFound:
            assert name in ("across parts", "parquet")
    assert left == {"another's", "being read"}
