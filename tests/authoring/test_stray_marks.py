"""A stray quote or a bare carriage return costs the row it stands in, and no other one in silence."""

from __future__ import annotations

import json

import pytest

from tests.authoring.desk import Desk


@pytest.mark.parametrize("third", ["c, d", "c d"])
def test_one_row_with_broken_quotes_does_not_unquote_the_others(desk: Desk, third: str) -> None:
    table = f'id,text,n\n1,"he said "hi" there",5\n2,"a b",6\n3,"{third}",7\n4,"e",8\n5,"f",9\n'
    made = desk.add(desk.bring("said.csv", table.encode()))
    assert "sampled items that cannot be read, and stay out of the dataset: malformed_quotes 1" in made.notes
    gold = desk.gold(made.dataset).sort("id")
    assert gold.rows() == [(2, "a b", 6), (3, third, 7), (4, "e", 8), (5, "f", 9)]
    bronze = desk.project.table("bronze", made.source).read()
    assert bronze["_findings"].explode(empty_as_null=False).to_list() == ["malformed_quotes"]
    assert bronze["_raw"].drop_nulls().to_list() == [b'1,"he said "hi" there",5']


def test_quotes_that_open_no_field_stay(desk: Desk) -> None:
    table = "id,size,n\n" + "".join(f'{i},5" pipe,{i}\n' for i in range(30))
    assert desk.gold(desk.add(desk.bring("pipes.csv", table.encode())).dataset)["size"].to_list() == ['5" pipe'] * 30


def test_a_bare_carriage_return_ends_the_header(desk: Desk) -> None:
    gold = desk.gold(desk.add(desk.bring("mixed.csv", b"a,b\r1,2\n3,4\n5,6\n")).dataset)
    assert sorted(gold.rows()) == [(1, 2), (3, 4), (5, 6)]


def test_rows_joined_by_a_bare_carriage_return_are_a_finding(desk: Desk) -> None:
    made = desk.add(desk.bring("mixed.csv", b"a,b\n1,2\r3,4\n5,6\n7,8\n9,10\n"))
    assert sorted(desk.gold(made.dataset).rows()) == [(5, 6), (7, 8), (9, 10)]
    bronze = desk.project.table("bronze", made.source).read()
    assert bronze["_raw"].drop_nulls().to_list() == [b"1,2\r3,4"]


def test_pairs_of_conversations_are_preferences(desk: Desk) -> None:
    def turns(answer: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": "why?"}, {"role": "assistant", "content": answer}]

    items = [{"chosen": turns(f"so {i}"), "rejected": turns(f"no {i}")} for i in range(60)]
    made = desk.add(desk.bring("dpo.jsonl", "".join(json.dumps(each) + "\n" for each in items).encode()))
    assert made.kind == "preference"
    assert {c.column: c.role for c in made.columns} == {"chosen": "chosen", "rejected": "rejected"}
    declared = (desk.root / made.files[1]).read_text()
    assert "redact: {column: 'chosen[].content'" in declared
    assert "redact: {column: 'rejected[].content'" in declared
    assert desk.gold(made.dataset).height == 60


def test_ids_that_look_like_numbers_stay_texts(desk: Desk) -> None:
    table = "code,sum\n" + "".join(f"{i:05d},+{i:03d}\n" for i in range(30))
    gold = desk.gold(desk.add(desk.bring("ids.csv", table.encode())).dataset).sort("code")
    assert gold.row(7) == ("00007", "+007")
    lines = "".join(json.dumps({"code": str(1000 + i)}) + "\n" for i in range(30))
    assert desk.gold(desk.add(desk.bring("codes.jsonl", lines.encode())).dataset).sort("code")["code"][7] == "1007"
