"""An invented customer list of which is known who was entered twice, and who only looks like it.

`plant(random, n)` returns the accounts and the true pairs. About a tenth of the companies is entered a second time, by
somebody else: another legal form, script, width or bracket, a slip, the words swapped. About a fifth has a neighbour
that is another company: a sister in another city, a numbered works, a like brand, a subsidiary.
"""

from __future__ import annotations

from random import Random

import pandas as pd

CITIES = "上海 北京 苏州 无锡 宁波 杭州 南京 青岛 沈阳 武汉 成都 重庆 深圳 佛山 长沙 厦门 天津 昆明 大连 合肥".split()
BRANDS = "晟岚骏泽屹诺祺鼎砺维朗翎弘睿沃驰曜恺固栩拓霁擎峻恒泓隆昊锐凯瑞恩博鑫茂致远科信达利安盛和"
TRADES = "冶金设备 精密机床 工程技术 饮料装备 仓储设备 机电贸易 物流装备 汽车零部件 智能包装 半导体装备 食品机械 自动化工程 新能源材料".split()
FORMS_ZH = ["有限公司", "股份有限公司", "有限责任公司", "集团有限公司"]
FIRST = "Red Iron Nor Hall Bor Cobalt Oster Sil Prag Siam Rim Vel Quar Lin Tor Mar Bel Kes Dun Fal".split()
MIDDLE = "a e i o u al en ir os um and est ing ort ull ach eph ick olt usk".split()
SECOND = "mesa vale haven brink neax mark stone nova tek baya den gate field wick ton ford berg dale holm crest".split()
WORKS = "Controls Machinery Automation Drives Pumps Valves Robotics Packaging Logistics Metals Maschinenbau Engineering".split()
FORMS_EN = ["Ltd.", "Inc.", "GmbH", "Co., Ltd.", "S.r.l.", "LLC", "AG", "GmbH & Co. KG", "S.A."]
TRADITIONAL = str.maketrans("设备机电贸饮装储远达车动业", "設備機電貿飲裝儲遠達車動業")


def plant(random: Random, n: int) -> tuple[pd.DataFrame, set[tuple[str, str]]]:
    """Return the accounts (account_id, account_name, credit_code, phone, parent_account_id) and the true pairs."""
    accounts: list[dict] = []
    truth: set[tuple[str, str]] = set()
    seen: set[tuple[str, ...]] = set()

    def add(name: str, code: str | None = None, phone: str | None = None, parent: str | None = None) -> str:
        account = f"A{len(accounts) + 1:07}"
        accounts.append(
            {
                "account_id": account,
                "account_name": name,
                "credit_code": code,
                "phone": phone,
                "parent_account_id": parent,
            }
        )
        return account

    for i in range(n):
        chinese = random.random() < 0.6
        name = _chinese(random) if chinese else _latin(random)
        if name[:3] in seen:  # two companies of one name are nobody's to tell apart
            continue
        seen.add(name[:3])
        code = _code(i) if chinese and random.random() < 0.5 else None
        phone = (
            f"+86 {random.choice((21, 10, 755))} {random.randint(20_000_000, 89_999_999)}"
            if random.random() < 0.6
            else None
        )
        one = add("".join(name) if chinese else " ".join(name), code, phone)
        chance = random.random()
        if chance < 0.1:
            again, same_code, same_phone = (_chinese_again if chinese else _latin_again)(random, name)
            other = add(again, code if same_code else None, _spelled(phone) if same_phone else None)
            truth.add((one, other))
        elif chance < 0.3:
            like, kin, parent = (_chinese_neighbour if chinese else _latin_neighbour)(random, name)
            add(like, _code(n + i) if code else None, phone if kin else None, one if parent else None)
    return pd.DataFrame(accounts), truth


def _chinese(random: Random) -> tuple[str, str, str, str]:
    return random.choice(CITIES), "".join(random.sample(BRANDS, 2)), random.choice(TRADES), random.choice(FORMS_ZH)


def _latin(random: Random) -> tuple[str, str, str, str]:
    brand = random.choice(FIRST) + random.choice(MIDDLE) + random.choice(SECOND)
    return brand, random.choice(("", random.choice(FIRST))), random.choice(WORKS), random.choice(FORMS_EN)


def _chinese_again(random: Random, name: tuple[str, ...]) -> tuple[str, bool, bool]:
    city, brand, trade, form = name
    other = random.choice(FORMS_ZH)
    ways = (
        f"{city}市{brand}{trade}{form}", f"{city}{brand}{trade}{other}", f"{city}{brand}{trade}",
        f"{city}{brand}{trade.translate(TRADITIONAL)}{form}", f"{city}{brand}{trade}（集团）{form}", f" {city}　{brand}{trade} {form}",
        f"{city}{brand}（中国）{trade}{form}",
    )  # fmt: skip
    if random.random() < 0.2:  # a brand misheard: only phone or code can tell
        return f"{city}{brand[0]}{random.choice('声升胜圣城诚')}{trade}{form}", random.random() < 0.5, True
    return random.choice(ways), random.random() < 0.3, random.random() < 0.5


def _latin_again(random: Random, name: tuple[str, ...]) -> tuple[str, bool, bool]:
    brand, second, work, form = name
    words = [word for word in (brand, second, work) if word]
    plain = " ".join(words)
    at = random.randrange(1, len(brand) - 1)
    ways = (
        f"{plain} {random.choice(FORMS_EN)}", f"{plain.upper()} {form}", f"{plain}, {form}", plain,
        f"{brand[:at]}{brand[at + 1 :]} {' '.join(words[1:])} {form}", f"{brand[:at]}{brand[at + 1]}{brand[at]}{brand[at + 2 :]} {' '.join(words[1:])} {form}",
        f"{plain.replace('a', 'а').replace('e', 'е')} {form}", f"{' '.join(words[1:])} {brand} {form}", f"{plain.replace('o', 'ö')} {form}",
        "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in plain) + f" {form}",
    )  # fmt: skip
    return random.choice(ways), False, random.random() < 0.4


def _chinese_neighbour(random: Random, name: tuple[str, ...]) -> tuple[str, bool, bool]:
    """Another company: its name, whether it is kin and may have the same phone, whether it is a subsidiary by link."""
    city, brand, trade, form = name
    elsewhere = random.choice([other for other in CITIES if other != city])
    like = brand[0] + random.choice([letter for letter in BRANDS if letter not in brand])
    ways = (
        (f"{elsewhere}{brand}{trade}{form}", True, False), (f"{city}{like}{trade}{form}", False, False),
        (f"{city}{brand}{random.choice([t for t in TRADES if t != trade])}{form}", True, False),
        (f"{city}{brand}{trade}{form}{elsewhere}分公司", True, True), (f"{city}{brand}（{elsewhere}）{trade}{form}", True, True),
    )  # fmt: skip
    return random.choice(ways)


def _latin_neighbour(random: Random, name: tuple[str, ...]) -> tuple[str, bool, bool]:
    brand, second, work, form = name
    rest = f"{second} {work}".strip()
    ways = (
        (f"{brand} {rest} Nord {form}", True, False), (f"{brand} {rest} Süd {form}", True, False), (f"{brand} {rest} 2 {form}", True, False),
        (f"{brand} {second} {random.choice([w for w in WORKS if w != work])} {form}", True, False),
        (f"{brand} {rest} Asia {form}", True, True), (f"{brand} {rest} (Shanghai) {form}", True, True),
        (f"{brand[:3]}{random.choice(SECOND)} {rest} {form}", False, False),
    )  # fmt: skip
    return random.choice(ways)


def _code(i: int) -> str:
    from stdnum.cn import uscc

    body = f"91310000MA{i:07}"
    return body + uscc.calc_check_digit(body)


def _spelled(phone: str | None) -> str | None:
    return phone and "0" + phone.removeprefix("+86 ").replace(" ", "-")
