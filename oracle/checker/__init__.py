"""The checker: is a trace explained by the rules?"""
