"""What a user is told when something is wrong is in her language: every refusal has its Chinese beside its English."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kamlib import errors, language, params
from kamlib.errors import InputError
from kamlib.settings import read_settings

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "kamlib").rglob("*.py"))
VALIDATED = {"settings.py", "rules.py", "mapping_file.py"}
"""Modules whose ValueErrors pydantic hands to the user."""
SENTENCE = re.compile(r"[A-Za-z’']+(?:,? [A-Za-z’']+){3,}|[a-z]+ [a-z]+ [a-z]+[.:]")


def texts(node):
    """The pieces of literal text in an expression."""
    return " ".join(
        part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )


def is_chinese(text):
    return re.search(r"[\u4e00-\u9fff]", text) is not None


def is_prose(text):
    return re.search(r"[a-z]{2,} [a-z]{2,}", text) is not None


def plain(node):
    """Yield the English sentences that `node` is, or is a list of, as literals or f-strings."""
    if isinstance(node, ast.ListComp):
        yield from plain(node.elt)
    elif isinstance(node, ast.List):
        for part in node.elts:
            yield from plain(part)
    elif isinstance(node, ast.JoinedStr | ast.Constant) and is_prose(texts(node)):
        yield texts(node)


def untranslated(tree, validated):
    """Yield the line and text of every refusal in English without its Chinese."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in ("InputError", "refusal") or (name == "ValueError" and validated):
                told = texts(ast.Tuple(node.args))
                if is_prose(told) and not (name != "ValueError" and len(node.args) == 2 and is_chinese(told)):
                    yield node.lineno, told
            elif name in ("say", "words.say"):
                told = [texts(arg) for arg in node.args[1:]] + [texts(word.value) for word in node.keywords]
                if len(told) >= 2 and is_prose(told[0]) and not any(is_chinese(text) for text in told[1:]):
                    yield node.lineno, told[0]
            elif name.endswith("faults.append"):
                yield from ((node.lineno, told) for told in plain(node.args[0]))
        elif isinstance(node, ast.Assign | ast.AugAssign):
            target = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
            if target.endswith(("faults", "fault")):
                yield from ((node.lineno, told) for told in plain(node.value))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_refusal_has_its_chinese_beside_it(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert list(untranslated(tree, path.name in VALIDATED)) == []


@pytest.mark.parametrize(
    "source",
    [
        'raise InputError(f"{path} cannot be read. Give another file.")',
        'raise InputError("Give another file.", "Give another file.")',
        'faults.append(f"{path} is gone or damaged.")',
        'self.faults += [f"{name} is gone or damaged." for name in names]',
        'say(None, "this file is gone", f"{path} gone")',
    ],
)
def test_the_guard_sees_a_refusal_in_english_only(source):
    assert list(untranslated(ast.parse(source), False))


def test_a_refusal_is_told_in_the_language_of_the_session():
    assert str(InputError("Give a number.", "请填写数字。")) == "Give a number."
    language.use("zh")
    assert str(InputError("Give a number.", "请填写数字。")) == "请填写数字。"
    assert errors.suggest("monts", ["months"]) == "是否应为“months”？"


def test_a_notebook_in_chinese_is_told_of_its_parameters_in_chinese():
    given = {"lang": "zh", "months": 900, "as_of": "soon", "top": "x"}
    with pytest.raises(InputError) as told:
        params.check_params(
            given,
            lang=params.Choice(("en", "zh")),
            months=params.Int(1, 60),
            as_of=params.Date,
            top=params.Number(0, 1),
        )
    assert str(told.value).splitlines() == [
        "months = 900：请填写 1 到 60 之间的整数。",
        'as_of = \'soon\'：请填写日期 "YYYY-MM-DD"，例如 "2025-12-31"，或留空 ""。',
        "top = 'x'：请填写 0 到 1 之间的数字。",
    ]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("window_months = 0", "window_months = 0：不得小于 1。请更正该项。"),
        ('window_months = "a"', "window_months = 'a'：应为整数。请更正该项。"),
        ("window_month = 3", "没有设置项“window_month”。是否应为“window_months”？请删除或改名。"),
        ("sizes = { employees = [1, 2, 3] }", "最多 2 个值，现有 3 个。"),
        ("[[stages]]\nname = 'x'", "缺少此项。"),
        ("[tiers]\nscale = 'rank'", "只能是 'bands' 或 'percentile'。"),
        ("[tiers.weights]\nsize = 3", "没有指标“size”。"),
        ("a =", "不是有效的 TOML（"),
    ],
)
def test_entries_of_kam_toml_are_refused_in_chinese(tmp_path, entry, told):
    (tmp_path / "kam.toml").write_text(entry, encoding="utf-8")
    language.use("zh")
    with pytest.raises(InputError) as refused:
        read_settings(tmp_path)
    assert told in str(refused.value)


def kam(*given, lang="zh", **environment):
    """Run the command line as a user does; return the exit code and all it said, without paths and engine's words."""
    import os

    env = {**os.environ, "PYTHONPATH": str(ROOT), "KAM_LANG": lang, **environment}
    done = subprocess.run(
        [sys.executable, "-m", "kamlib.cli", *map(str, given)],
        capture_output=True,
        text=True,
        env=env,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def without_quotes(said):
    """What was said without the engine's own words in brackets."""
    return re.sub(r"（[^（）]*）", "", said)


@pytest.fixture
def broken(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "kam.toml").write_text(
        "window_months = 'a'\nfoo = 1\n[tiers]\ncuts = { A = 1, B = 2 }\n", encoding="utf-8"
    )
    (folder / "accounts.csv").write_text("account_id,name\na,b\n", encoding="utf-8")
    (folder / "orders.csv").write_text("order_id,account_id,order_date,amount\n1,a,soon,5\n", encoding="utf-8")
    (folder / "deals.xlsx").write_bytes(b"nothing")
    (folder / "contacts.csv").write_text("", encoding="utf-8")
    (folder / "invoices.csv").write_bytes(b"caf\xe9\xff,\x81\n")
    return folder


def test_check_speaks_chinese_of_all_that_is_broken(broken):
    code, said = kam("check", broken, "--lang", "zh", lang="")
    assert code == 2
    assert "需先修正以下问题才能使用：" in said
    assert "缺少列 account_name" in said
    assert SENTENCE.findall(without_quotes(said)) == []


def test_the_environment_sets_the_language_and_the_option_goes_before_it(broken):
    assert "需先修正" in kam("check", broken)[1]
    assert "cannot be used" in kam("check", broken, "--lang", "en")[1]
    assert kam("check", broken, lang="fr")[0] == 2


def test_unknown_role_and_wrong_parameters_are_refused_in_chinese():
    code, said = kam("run", "--role", "boss", "--user", "x", "--only", "05")
    assert (code, SENTENCE.findall(said)) == (2, [])
    assert "没有这个角色" in said
    for given, told in (("top_m=3", "没有参数“top_m”"), ("lang=zh", "--lang"), ("whatever", "名称=值")):
        code, said = kam("run", "--only", "05", "-p", given)
        assert (code, SENTENCE.findall(said)) == (2, []), said
        assert told in said


def test_a_workspace_and_its_passphrase_are_refused_in_chinese(tmp_path):
    pytest.importorskip("pyrage")
    from kamlib.workspace import vault

    (tmp_path / "w" / "snapshots").mkdir(parents=True)
    from kamlib import passphrase

    passphrase._held[:] = ["right and long"]
    vault.create(tmp_path / "w")
    passphrase._held.clear()
    for environment, told in (({"KAM_PASSPHRASE": "wrong"}, "口令不正确"), ({}, "已加密")):
        code, said = kam("history", tmp_path / "w", **environment)
        assert (code, SENTENCE.findall(said)) == (2, []), said
        assert told in said
    for command in (
        ("diff", tmp_path, "2025-01-01", "soon"),
        ("backup", tmp_path, tmp_path / "b"),
        ("encrypt", tmp_path),
    ):
        code, said = kam(*command)
        assert (code, SENTENCE.findall(said)) == (2, []), said


def test_mixed_date_order_is_refused_in_chinese(tmp_path):
    header = "Record Id,Account Name,Created Time,Modified Time,Account Owner,Phone,Website,Industry\n"
    rows = "zcrm_1,A,13/02/2024,02/13/2024,x,1,w,i\nzcrm_2,B,02/13/2024,13/02/2024,x,1,w,i\n"
    (tmp_path / "Accounts_2025-01-31.csv").write_text(header + rows, encoding="utf-8")
    code, said = kam("import", tmp_path, "--into", tmp_path / "w", "--from", "zoho", lang="zh")
    assert (code, SENTENCE.findall(without_quotes(said))) == (2, []), said
    assert "日期写法不一致" in said
