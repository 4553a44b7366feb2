"""The file of refused rows: its reasons in any language, its rows as they were sent."""

import csv
import io

import pytest

from customers.test_file_imports import NOW, as_csv, rejects, run, send
from kaquan.customers import Mapping, Subject, read_sentence, stream_rejects
from kaquan.customers.imports.files.results import keep_sentence
from kaquan.runtime import Database, Project, Property, Sentence, put_schema, words

MAPPING = Mapping(fields={"source_id": "id", "name": "name"}, metadata={"size": "size"})


def in_own_words(field: str, reason: Sentence) -> str:
    return f"{field} ⟨{reason.key}⟩ {dict(reason.given)}"


async def test_reasons_are_said_by_whom_they_are_asked_for(
    database: Database, project: Project
) -> None:
    # Enough for several parts of the file, with rows of two lines and quotes on the borders.
    long = [[f"m{n}", f'Li "{n}"\nLei' + "李" * 30, ""] for n in range(3_000)]
    rows = [["id", "name", "size"], *long, ["", "Nobody", ""], ["big", "Jo", "XXL"]]
    async with database.transaction(project.project_id) as tx:
        sizes = Property(type="string", optional=True, eq=["S", "L"])
        await put_schema(tx, "customer", {"size": sizes}, now=NOW)
    found = await send(database, project, Subject.CUSTOMERS, as_csv(rows), mapping=MAPPING)
    action = await run(database, project, found.id)
    english = await rejects(database, project, action)
    stored, content = await stream_rejects(database, project.project_id, action, say=in_own_words)
    assert stored.part_count > 1
    said = list(csv.DictReader(io.StringIO(b"".join([part async for part in content]).decode())))
    reasons = [row.pop("import_reason") for row in said]
    assert said == [{k: v for k, v in row.items() if k != "import_reason"} for row in english]
    assert set(reasons[:3_000]) == {"name ⟨A name stands on one line.⟩ {}"}
    assert reasons[3_000] == "source_id ⟨This may not be missing.⟩ {}"
    assert reasons[3_001].startswith("metadata.size ⟨%(name)s: %(wanted)s (actual")
    assert english[3_001]["import_reason"] == (
        'metadata.size: size: must be a string, must be equal to one of S,L (actual value is "XXL")'
    )


@pytest.mark.parametrize(
    "sentence",
    [
        Sentence("This may not be missing."),
        words("Line %(line)s begins an order of too many rows.", line=7),
        words("%(one)s, %(more)s", one=words("property is required"), more=words("100%% sure")),
    ],
    ids=["plain", "with a number", "nested"],
)
def test_a_kept_sentence_is_read_again(sentence: Sentence) -> None:
    kept = keep_sentence("reason", sentence)
    assert kept["reason"] == str(sentence)
    assert read_sentence(kept["words"]) == sentence
