"""Invented names of companies and people, credit codes with valid check digits, and unreachable phone numbers."""

from __future__ import annotations

from kamlib.sample.stream import Stream

SURNAMES = (
    "王 wang 李 li 张 zhang 刘 liu 陈 chen 杨 yang 赵 zhao 黄 huang 周 zhou 吴 wu 徐 xu 孙 sun 胡 hu 朱 zhu 高 gao "
    "林 lin 何 he 郭 guo 马 ma 罗 luo 梁 liang 宋 song 郑 zheng 谢 xie 韩 han 唐 tang 冯 feng 于 yu 董 dong 萧 xiao "
    "程 cheng 曹 cao 袁 yuan 邓 deng 许 xu 傅 fu 沈 shen 曾 zeng 彭 peng 吕 lv 苏 su 卢 lu 蒋 jiang 蔡 cai 魏 wei"
).split()
GIVEN = (
    "建 jian 国 guo 志 zhi 强 qiang 文 wen 华 hua 明 ming 军 jun 伟 wei 丽 li 敏 min 静 jing 涛 tao 磊 lei 洋 yang "
    "艳 yan 勇 yong 杰 jie 娟 juan 超 chao 霞 xia 平 ping 刚 gang 桂 gui 英 ying 晓 xiao 红 hong 鹏 peng 雪 xue "
    "思 si 远 yuan 佳 jia 宁 ning 子 zi 涵 han 一 yi 凡 fan 雨 yu 桐 tong 海 hai 峰 feng 东 dong 升 sheng 慧 hui"
).split()
BRAND_FIRST = "瀚屹昊骏铭柯朗祺泓峻睿弘璟砺沃恺曜霁栩晟"
BRAND_SECOND = "拓岚川程锐驰维泽隆擎固恒诺翎鼎"
FIELDS = {
    "Machine tools": ("数控机床", "精密机床"), "Packaging machinery": ("包装机械", "智能包装"),
    "New energy": ("新能源装备", "储能设备"), "Automotive parts": ("汽车零部件", "汽车装备"),
    "Electronics equipment": ("电子设备", "半导体装备"), "Food machinery": ("食品机械", "饮料装备"),
    "Metallurgy": ("冶金设备", "重工"), "Logistics equipment": ("物流装备", "仓储设备"), "Robotics": ("机器人", "智能装备"),
}  # fmt: skip
TYPE_FIELDS = {"Distributor": ("机电贸易", "工业品供应链"), "Project contractor": ("自动化工程", "工程技术")}
# region: city and administrative division code
CITIES = {
    "East China": (("上海", "310115"), ("苏州", "320505"), ("杭州", "330108"), ("宁波", "330206"), ("无锡", "320214"), ("青岛", "370211")),
    "South China": (("深圳", "440306"), ("东莞", "441900"), ("佛山", "440604"), ("广州", "440112"), ("厦门", "350203")),
    "North China": (("北京", "110115"), ("天津", "120116"), ("石家庄", "130108"), ("太原", "140106")),
    "Central China": (("武汉", "420115"), ("长沙", "430111"), ("郑州", "410104")),
    "Southwest China": (("成都", "510112"), ("重庆", "500112"), ("昆明", "530114")),
    "Northeast China": (("沈阳", "210106"), ("大连", "210213"), ("长春", "220104")),
}  # fmt: skip
# region: country, form of company name, dialling code
COUNTRIES = {
    "Europe": (("Germany", "{} Maschinenbau GmbH", "49"), ("Italy", "{} Automazione S.r.l.", "39"), ("Poland", "{} Sp. z o.o.", "48"),
               ("Netherlands", "{} Techniek B.V.", "31"), ("Sweden", "{} Industri AB", "46")),
    "Southeast Asia": (("Vietnam", "{} Engineering Co., Ltd.", "84"), ("Thailand", "{} Machinery Co., Ltd.", "66"),
                       ("Malaysia", "{} Automation Sdn. Bhd.", "60"), ("Indonesia", "PT {} Teknik", "62")),
    "North America": (("United States", "{} Systems Inc.", "1"), ("Mexico", "{} Industrial S.A. de C.V.", "52"), ("Canada", "{} Controls Ltd.", "1")),
    "Middle East": (("United Arab Emirates", "{} Industries LLC", "971"), ("Saudi Arabia", "{} Technical Co.", "966")),
}  # fmt: skip
FOREIGN_BRANDS = {
    "Europe": "Veltra Norhaven Aurowick Kestrin Brandol Ostermark Lindqvar Tessaro Vallorin Pragnova Zelinska Corvetto Hallbrink "
    "Westerby Dolomar Karelund Sundvall Trevisol Jaskolec".split(),
    "Southeast Asia": "Mirandel Sangthai Rimbaya Nusantek Vinamek Lotusia Penangor Borneax Saigota Chaodee Batavin Mekora Siamtek".split(),
    "North America": "Ironvale Cedarpoint Lakemont Sierrano Maplecore Aztecal Harborex Pinebrook Redmesa".split(),
    "Middle East": "Najmara Dunecrest Rasalim Falconet Oasira".split(),
}  # fmt: skip
PEOPLE = {
    "Europe": ("Anna Lukas Sofia Marco Piotr Eva Jonas Giulia Lars Katja".split(), "Becker Rossi Nowak Jansen Lindgren Hoffmann Conti Wolski Visser Berg".split()),
    "Southeast Asia": ("Minh Somchai Siti Budi Linh Anong Farid Dewi Wei Putri".split(), "Nguyen Suwan Rahman Santoso Tran Chaiya Ismail Wijaya Lee Pham".split()),
    "North America": ("Emily James Carlos Megan Luis Sarah David Olivia Kevin Ana".split(), "Carter Ramirez Bennett Hughes Torres Foster Nguyen Price Lopez Morgan".split()),
    "Middle East": ("Omar Layla Khalid Noura Yusuf Rania Faisal Huda Tariq Mona".split(), "Haddad Mansour Saleh Nasser Farouk Aziz Khoury Rashid Hakim Saad".split()),
}  # fmt: skip

_CODE_CHARS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORG_CHARS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def person(draw: Stream, region: str) -> tuple[str, str]:
    """Return an invented name and its form in an e-mail address."""
    if region in PEOPLE:
        first, last = (draw.pick(part) for part in PEOPLE[region])
        return f"{first} {last}", f"{first}.{last}".lower()
    at = draw.below(len(SURNAMES) // 2) * 2
    given = [draw.below(len(GIVEN) // 2) * 2 for _ in range(1 if draw.chance(150) else 2)]
    name = SURNAMES[at] + "".join(GIVEN[i] for i in given)
    return name, f"{SURNAMES[at + 1]}." + "".join(GIVEN[i + 1] for i in given)


def chinese_company(draw: Stream, city: str, industry: str, kind: str, taken: set[str]) -> str:
    """Return an invented company name that is not in `taken`, which then holds its brand."""
    while (brand := draw.pick(BRAND_FIRST) + draw.pick(BRAND_SECOND)) in taken:
        pass
    taken.add(brand)
    field = draw.pick(TYPE_FIELDS.get(kind) or FIELDS[industry])
    return f"{city}{brand}{field}{draw.weighted({'有限公司': 7, '股份有限公司': 2, '集团有限公司': 1})}"


def organisation_check(body: str) -> str:
    """Return the check character of an eight-character organisation code (GB 11714)."""
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    rest = 11 - sum(_ORG_CHARS.index(c) * w for c, w in zip(body, weights, strict=True)) % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def credit_check(body: str) -> str:
    """Return the check character of the first seventeen characters of a social credit code (GB 32100)."""
    total = sum(_CODE_CHARS.index(c) * pow(3, i, 31) for i, c in enumerate(body))
    return _CODE_CHARS[(31 - total % 31) % 31]


def credit_code(draw: Stream, division: str) -> str:
    """Return an invented 18-character 统一社会信用代码 with both check characters right."""
    body = "MA" + "".join(draw.pick(_CODE_CHARS) for _ in range(6))
    code = f"91{division}{body}{organisation_check(body)}"
    return code + credit_check(code)
