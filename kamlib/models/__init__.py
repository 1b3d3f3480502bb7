"""The few statistical models that no light library has, or has without what is needed here."""
