"""The account mart: one row per account as of a date, computed once on the engine and shared by every question.

The window is the last `settings.window_months` months up to and including the as-of date; `…_prev` is the window of the
same length before it. Money is in the base currency, revenue is net of discount and of the returns dated in the window.
"""
