"""Sentences that invented customers write, in Chinese and English, by topic and mood."""

from __future__ import annotations

from kamlib.sample.stream import Stream

# topic: praise and blame, Chinese and English
PRAISE = {
    "product_quality": (
        ("产品质量稳定，用着放心。", "减速机精度好，故障很少。", "质量比以前的供应商好不少。", "产品耐用，一年多没出过问题。"),
        ("Quality is stable, we trust it.", "Very precise and hardly any failures.", "Better built than what we had before.", "Robust products, no trouble for over a year."),
    ),
    "service_attitude": (
        ("销售很耐心，沟通顺畅。", "服务态度好，有问必答。", "对接的客户经理很专业。", "响应及时，态度诚恳。"),
        ("Friendly and patient people.", "The account manager knows our business.", "Always polite and easy to talk to.", "Good attitude, quick answers."),
    ),
    "delivery_speed": (
        ("交货准时，配合度高。", "交期短，没有耽误生产。", "加急单也按时送到了。", "物流快，到货日期准。"),
        ("Deliveries are on time.", "Short lead times, our line never waited.", "Even rush orders came as promised.", "Fast shipping and reliable dates."),
    ),
    "after_sales": (
        ("售后处理快，工程师水平高。", "维修响应很快，备件齐全。", "售后跟进到位。", "调试支持非常给力。"),
        ("After-sales support is excellent.", "Repairs are quick and spare parts are in stock.", "The field engineer solved it in one visit.", "Good support during commissioning."),
    ),
}  # fmt: skip
BLAME = {
    "product_quality": (
        ("最近一批产品有质量问题，噪音偏大。", "轴承磨损快，希望改进质量。", "来料有瑕疵，返工了两次。", "产品一致性不如以前。"),
        ("The last batch had quality problems and was noisy.", "Bearings wear out too soon.", "Parts arrived with defects and had to be reworked.", "Quality varies from batch to batch."),
    ),
    "service_attitude": (
        ("客服态度一般，问题要催几次。", "换了对接人之后沟通不顺。", "电话经常没人接，态度敷衍。", "销售承诺的事没有回音。"),
        ("We have to ask several times before someone answers.", "Communication got worse with the new contact person.", "Calls are not returned, the attitude is poor.", "Promises by sales were not kept."),
    ),
    "delivery_speed": (
        ("交货总是延期，影响我们排产。", "导轨晚到了三周，产线停工。", "交期一拖再拖，请给准确日期。", "到货太慢，再这样要换供应商了。"),
        ("Deliveries are always late and upset our planning.", "Guides came three weeks late and the line stood still.", "Delivery dates are moved again and again.", "Too slow, we are looking at other suppliers."),
    ),
    "after_sales": (
        ("售后响应慢，等了一周才来人。", "维修备件经常缺货。", "故障反复出现，售后没有彻底解决。", "保修流程太复杂。"),
        ("After-sales reacts slowly, we waited a week.", "Spare parts for repair are often out of stock.", "The same fault came back after the repair.", "The warranty process is too complicated."),
    ),
}  # fmt: skip
PLAIN = (
    ("总体还可以。", "无", "希望价格再优惠一点。", "继续保持。"),
    ("Fine overall.", "No comment.", "Prices could be better.", "Keep it up."),
)

# type and topic of a case: subjects in Chinese and English
CASE_SUBJECTS = {
    ("question", "after_sales"): (("安装调试咨询", "保修范围咨询", "备件选型咨询"), ("Question on commissioning", "Question on warranty", "Which spare part fits?")),
    ("question", "product_quality"): (("参数确认", "选型咨询"), ("Data sheet question", "Help with selection")),
    ("question", "service_attitude"): (("对账咨询", "联系人变更"), ("Question on statement", "Change of contact person")),
    ("request", "after_sales"): (("现场支持申请", "维修申请"), ("On-site support", "Repair request")),
    ("request", "product_quality"): (("检测报告申请", "图纸申请"), ("Test report wanted", "Drawing wanted")),
    ("request", "service_attitude"): (("培训申请", "资料申请"), ("Training wanted", "Documents wanted")),
    ("complaint", "after_sales"): (("维修超时", "故障未彻底解决"), ("Repair overdue", "Fault not solved")),
    ("complaint", "product_quality"): (("异响", "漏油", "尺寸超差", "早期失效"), ("Noise", "Leakage", "Out of tolerance", "Early failure")),
    ("complaint", "service_attitude"): (("无人回复", "沟通不畅"), ("No reply", "Poor communication")),
    ("complaint", "delivery_speed"): (("交货延期", "到货不全", "交期未通知"), ("Late delivery", "Incomplete delivery", "Delay not announced")),
}  # fmt: skip


def comment(scores: dict[str, int], chinese: bool, draw: Stream) -> str:
    """Return what someone with these topic scores writes: blame for low ones, praise for high ones, or little."""
    side = 0 if chinese else 1
    low = [topic for topic, score in scores.items() if score <= 2]
    high = [topic for topic, score in scores.items() if score == 5]
    parts = [draw.pick(BLAME[topic][side]) for topic in draw.some(low, 2)]
    if high and (not parts or draw.chance(350)):
        parts.append(draw.pick(PRAISE[draw.pick(high)][side]))
    return ("" if chinese else " ").join(parts) or draw.pick(PLAIN[side])
