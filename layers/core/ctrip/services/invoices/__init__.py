"""Invoices: line items that are paid in one payment or several."""
