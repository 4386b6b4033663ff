"""Every cause of trouble that we know: how Xero words it, what a person reads, and what to press.

Rows carry the `reason`. Check gives reasons of its own accord; a refusal of Xero's is recognised by its words, which stay
one click away. `docs/errors.md` and the help page are made from this table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """One cause. `words` are parts of Xero's message, in lower case; all of one of the tuples must be there."""

    ref: str
    reason: str
    title: str
    says: str
    fix: str
    words: tuple[tuple[str, ...], ...] = ()
    #: Where it is mended: a word of job_lists.FIXES, or "record" for the record's own page
    place: str = ""
    #: When it is found out: before anything is sent, or only by Xero's answer
    seen: str = "Check"
    #: Which part of our copy of Xero it shows to be out of date
    outdates: str = ""


CAUSES: tuple[Cause, ...] = (
    # --- accounts
    Cause(
        "X01", "account_wrong_type", "Xero won't take an account code on a sales invoice",
        "Xero doesn't take this account on a sales invoice: it isn't an income account.",
        "Choose an income account for the item in Admin > Finance > Billing, or another default in Options.",
        (("account code", "is not a valid code for this document"),), "options", "Check, or Xero's answer",
    ),
    Cause(
        "X02", "account_archived", "An account code is archived in Xero",
        "An account code that is used is archived or deleted in Xero.",
        "Choose another, or restore it in Xero and check again.",
        (("account code", "has been archived"),), "options", "Check, or Xero's answer", "account_codes",
    ),
    Cause(
        "X03", "account_missing", "No account for what is sold",
        "There is no income or expense account for this, and no default is set.",
        "Set it on the item in Admin > Finance > Billing, or a default in Options.",
        (("account code must be specified",),), "options", "Check, or Xero's answer",
    ),
    Cause(
        "X04", "account_removed", "In Xero without its account code",
        "Xero took it, but without its account code.",
        "Export the code, or choose another account in Xero's draft.",
        (("has been removed as it does not match a recognised account",),), "", "Xero's answer, as a warning",
    ),
    Cause(
        "", "account_not_in_xero", "An account code isn't in Xero",
        "An account code that the item itself names isn't in Xero.",
        "Export this code, or choose another for the item.",
    ),
    # --- taxes
    Cause(
        "X05", "tax_not_allowed", "A tax isn't allowed on an account",
        "Xero doesn't allow this tax on this account.",
        "Change the tax or the account of the line or the item.",
        (("taxtype code", "cannot be used with account code"),), "record", "Xero's answer",
    ),
    Cause(
        "X06", "tax_unknown", "A tax isn't matched to a sales tax rate in Xero",
        "Xero has no such tax rate for sales.",
        "Match the tax in Tax mapping, or let Xero have it created.",
        (("taxtype code", "does not exist or cannot be used"),), "tax_mapping", "Xero's answer", "tax_rates",
    ),
    Cause(
        "X07", "tax_rates_differ", "The tax rate differs between here and Xero",
        "The tax has another rate here than in Xero.",
        "Correct it here, or map the tax to another rate.", place="tax_mapping",
    ),
    Cause(
        "X30", "tax_name_taken", "Xero has another tax rate of that name",
        "Xero has a tax rate of this name, with another rate or other parts.",
        "Link to it in Tax mapping, or rename the tax here.",
        (("tax rate", "already"), ("tax component",)), "tax_mapping", "Check, or Xero's answer",
    ),
    Cause(
        "X10", "tax_ambiguous", "Several tax rates in Xero could be the one",
        "Several of Xero's tax rates fit. None is guessed.",
        "Choose one in Tax mapping.", place="tax_mapping",
    ),
    # --- contacts
    Cause(
        "X08", "contact_name_taken", "Xero has an active contact of that name",
        "Xero has an active contact of this name already.",
        "Link the account to that contact, or rename it here.",
        (("contact name", "already assigned to another contact"),), "record", "Xero's answer",
    ),
    Cause(
        "", "contact_number_taken", "Xero has a contact of that code",
        "Another contact in Xero carries this contact code.",
        "Link the account to that contact.",
        (("contact number", "already assigned to another contact"),), "record", "Xero's answer",
    ),
    Cause(
        "X09", "contact_archived", "The contact is archived in Xero",
        "The contact is archived or merged in Xero.",
        "Restore it in Xero and check again, or link the account to the current contact.",
        (("contact must be un-archived",), ("contact", "has been archived")), "record", "Check, or Xero's answer",
        "contacts",
    ),
    Cause(
        "X10", "ambiguous", "Several records could be the one",
        "Several records could be this one. None is guessed.",
        "Choose one, make a new one, or leave it out.",
    ),
    Cause(
        "", "taken", "Another record is linked to it",
        "A record here is like it, and is linked to another in Xero.",
        "Make another one here, or leave it out.",
    ),
    Cause(
        "X11", "no_name", "The customer has no name",
        "The customer has no name.", "Give the account a name.",
        (("contact name must be specified",), ("a contact must be specified",)), "record", "Check, or Xero's answer",
    ),
    Cause(
        "X12", "bad_email", "Xero doesn't take an e-mail address",
        "Xero doesn't take this e-mail address.",
        "Correct it on the account's main site, or clear it.",
        (("email address must be valid",),), "record", "Xero's answer",
    ),
    Cause(
        "", "bad_website", "A contact in Xero has a website that Xero itself refuses",
        "The contact in Xero has a website without http://, and Xero refuses every update because of it.",
        "Correct the website in Xero.", (("website must be valid",),), "", "Xero's answer",
    ),
    Cause(
        "", "bad_name", "Xero doesn't take the name",
        "The name holds characters that Xero doesn't take.", "Change the name.", place="record",
    ),
    Cause(
        "", "contact_taken", "The contact belongs to another account here",
        "Xero's contact of this name is linked to another account here.",
        "Rename one of the two accounts, or unlink the other.", place="record",
    ),
    Cause(
        "", "gone_in_xero", "Xero does not have it any more",
        "The record was deleted in Xero.", "Leave it out.",
    ),
    Cause(
        "", "personal_data_removed", "Personal data was removed",
        "Xero has removed this contact's data on its owner's request.", "Leave it out.",
    ),
    # --- invoices
    Cause(
        "X13", "number_taken", "The number is used in Xero",
        "The number is used in Xero already.",
        "Link to that invoice's record, give this one another number, or let Xero number it.",
        (("invoice # must be unique",),), "record", "Check, or Xero's answer",
    ),
    Cause(
        "", "reset_and_still_there", "Reset here, and still in Xero",
        "It was reset here, and the old document still lives in Xero.",
        "Void or delete that one in Xero, or give this one another number.", place="record",
    ),
    Cause(
        "X14", "not_modifiable", "Xero doesn't let the document be changed",
        "The document in Xero is paid, voided or deleted and can't be changed; its number may stay used.",
        "Use another number, or leave it out.",
        (("not of valid status for modification",),), "record", "Xero's answer",
    ),
    Cause(
        "X15", "has_payment", "The document in Xero has a payment",
        "The document has a payment or credit note in Xero, so it is locked.",
        "Import the payment, or take it off in Xero.",
        (("payment or credit note allocated",),), "", "Xero's answer",
    ),
    Cause(
        "X16", "locked_period", "The period is locked in Xero",
        "Xero is locked up to a date on or after the invoice's.",
        "Send as Draft, change the date, or ask the adviser to move the lock date.",
        (("lock date",),), "options", "Check, or Xero's answer",
    ),
    Cause(
        "X17", "currency", "The currency isn't switched on in Xero",
        "The currency isn't switched on in Xero.",
        "Add it in Xero (Settings > Currencies), or change the invoice's currency.",
        (("not subscribed to currency",),), "record", "Check, or Xero's answer",
    ),
    Cause(
        "X18", "plan_limit", "The Xero plan's limit is used up",
        "Your Xero plan allows no more approved invoices this month.",
        "Send the rest as Draft, or keep them for later.",
        (("reached the limit of invoices you can approve",),), "options", "Xero's answer",
    ),
    Cause(
        "X19", "totals_differ", "Xero would total differently",
        "Xero would reckon another total than stands here.",
        "Edit the lines, so that both agree to the cent.",
        (("line total", "does not match"), ("document total", "does not")), "record", "Check, or Xero's answer",
    ),
    Cause(
        "X20", "negative_total", "The total is negative",
        "A negative total can't be an invoice.", "Edit the invoice, or leave it out.",
        (("total", "negative"),), "record", "Check, or Xero's answer",
    ),
    Cause(
        "X21", "no_lines", "The invoice has no lines",
        "The invoice has no lines.", "Add a line.",
        (("one or more line items must be specified",),), "record", "Check, or Xero's answer",
    ),
    Cause(
        "X21", "no_description", "A line has no description",
        "A line has no description.", "Add one.",
        (("description", "must be specified"),), "record", "Check, or Xero's answer",
    ),
    Cause(
        "X22", "due_date", "The due date doesn't fit",
        "The due date is missing, or before the invoice date.",
        "Use another due date rule in Options, or edit the invoice.",
        (("due date",),), "record", "Xero's answer",
    ),
    Cause(
        "", "wrong_status", "Not Ready to Send or Sent",
        "Only invoices that are Ready to Send or Sent go to Xero.", "Mark it Ready to Send.", place="record",
    ),
    Cause(
        "", "dont_send", "Marked “Don't send”",
        "Somebody marked the invoice so that it stays here.", "Press “Send after all” on the invoice.", place="record",
    ),
    Cause(
        "", "bad_number", "The invoice number can't be sent",
        "The number holds characters that Xero doesn't take, or is too long.", "Change the number.", place="record",
    ),
    Cause(
        "", "bad_text", "A text holds characters that can't be sent",
        "A text holds characters that can't be sent.", "Change the text.", place="record",
    ),
    # --- items and codes
    Cause(
        "X23", "item_gone", "An item is not in Xero any more",
        "An item on the invoice was deleted or renamed in Xero.",
        "Check again: an item that was deleted is created anew, one that was renamed goes under its new code.",
        (("item code", "is not valid"),), "record", "Xero's answer", "items",
    ),
    Cause(
        "X24", "item_code_taken", "Xero uses the item code for another item",
        "Xero uses this item code already.", "Link to that item, or use another code.",
        (("price list item with code",),), "record", "Xero's answer",
    ),
    Cause(
        "X25", "collision", "Two records would be the same in Xero",
        "Two records of this job would become one in Xero.",
        "Take over the suggested codes, or rename one of the two.", place="record",
    ),
    Cause(
        "X25", "code_collision", "Two items would get the same code",
        "Xero's item of this code is linked to another item here.",
        "Take over the suggested code.", place="record",
    ),
    Cause(
        "X26", "too_long", "A text is too long for Xero",
        "A text is longer than Xero allows.", "Shorten it; the message says which, and how long it may be.",
        (("must not be longer than",), ("exceeds the maximum",), ("maximum length",)), "record",
        "Check, or Xero's answer",
    ),
    Cause(
        "X27", "tracked_accounts", "A tracked item lacks an account",
        "Tracked items need a cost-of-sales and an inventory account.",
        "Set the inventory account in Options (630 where your chart has it).",
        (("inventory", "account"), ("cogs",)), "options", "Xero's answer",
    ),
    Cause(
        "X27", "out_of_stock", "Xero has fewer on hand than are sold",
        "Xero has fewer of a tracked item on hand than the invoices of this job sell.",
        "Send as Draft, or allow back orders for this run.",
        (("quantity on hand",), ("not enough", "stock")), "options", "Check, or Xero's answer",
    ),
    Cause(
        "X28", "name_taken", "The name is taken in Xero",
        "The code is free in Xero, but the name is taken.", "Rename it here, or link the two.",
        (("unique name",),), "record", "Check, or Xero's answer",
    ),
    Cause(
        "", "code_taken", "The account belongs to another code here",
        "Xero's account of this code is linked to another account code here.", "Unlink the other.", place="record",
    ),
    Cause(
        "X29", "bank_account", "A bank account is made in Xero",
        "Xero makes bank and system accounts itself.", "Add it in Xero; then it is linked.",
        (("system account",), ("bank account number",)), "record", "Check, or Xero's answer",
    ),
    Cause(
        "", "no_code", "An account without a code",
        "Xero keeps this account without a code, and account codes need one here.", "Give it a code in Xero.",
    ),
    Cause("", "bad_rate", "A rate that can't be kept", "The rate can't be kept here.", "Correct it in Xero."),
    Cause("", "not_kept", "What Xero has can't be kept here",
          "It breaks a rule that the records here keep; the message names it.", "Correct it in Xero, or leave it out.",
          seen="Import"),
    Cause("", "no_destination", "It isn't said what they become", "It isn't said what the item becomes.",
          "Choose a destination."),
    # --- payments
    Cause(
        "X31", "not_exported_from_here", "Not an invoice that was exported from here",
        "The payment is for an invoice that was not sent from here, so it can't be recorded.",
        "Leave it out.",
    ),
    Cause(
        "X32", "payment_refused", "The payment can't be recorded",
        "The payment is more than is owed here, in another currency, or for a void invoice.",
        "Look at it in Xero; it is never taken in part.",
    ),
    Cause(
        "X33", "reversed_in_xero", "Taken back in Xero",
        "The payment was deleted in Xero.", "It is taken back here, too, and stays visible.",
    ),
    Cause(
        "X34", "voided_in_xero", "Voided in Xero",
        "The invoice no longer counts in Xero.", "It becomes void here; to bill it again, write it anew.",
    ),
    # --- the connection; these hold up whole jobs rather than rows
    Cause(
        "X35", "reconnect", "Xero needs somebody to sign in again",
        "Xero needs you to sign in again. Nothing was lost; what is left is waiting.",
        "Reconnect in Setup: the same job goes on.", seen="Any call",
    ),
    Cause(
        "X36", "no_access", "Xero no longer lets us into the organisation",
        "Disconnected there, your role changed, the trial ended, or the Demo Company was reset.",
        "Reconnect, or choose another organisation.", seen="Any call",
    ),
    Cause(
        "X37", "permission", "A permission is missing",
        "Xero did not grant a permission that this needs.", "Reconnect and allow access.", seen="Any call",
    ),
    Cause(
        "X38", "credentials", "Client id, secret or redirect address is wrong",
        "Xero does not know the app by this client id and secret, or lists another redirect address.",
        "Correct them in Setup > App credentials, or in the environment.", seen="Connecting",
    ),
    Cause(
        "X39", "limit", "Waiting for Xero's minute limit",
        "Xero allows 60 calls a minute. The job goes on by itself.", "Nothing.", seen="Any call",
    ),
    Cause(
        "X40", "day", "Xero's daily limit is used up",
        "Xero's daily limit is used up. The job goes on by itself when it returns.", "Nothing, or stop here.",
        seen="Any call",
    ),
    Cause(
        "X41", "trouble", "Xero isn't answering",
        "Xero isn't answering. The job tries again by itself.", "Nothing, or stop and retry later.", seen="Any call",
    ),
    Cause(
        "X42", "in_doubt", "Checking whether Xero has it",
        "No answer came. Xero is asked before anything is sent again.", "Nothing: it settles by itself.",
        seen="A lost answer",
    ),
    Cause(
        "X42", "needs_review", "Nobody knows yet whether Xero has them",
        "Xero could not be asked, or has it more than once.", "Look in Xero, then press Look in Xero again.",
        seen="A lost answer",
    ),
    Cause(
        "X43", "already_linked", "Already in Xero",
        "It was sent before.", "Open it in Xero; an exported invoice goes again only after Reset.", place="record",
    ),
    # --- what happens around a job
    Cause("", "changed", "Changed since the check", "It changed since the check, so it was not sent as it was shown.",
          "Check it again.", seen="Send"),
    Cause("", "deleted_here", "Deleted here after the check", "The record was deleted here after the check.",
          "Nothing.", seen="Send"),
    Cause("", "gave_up", "The job could not go on", "The job as a whole could not go on; its page says why.",
          "Retry.", seen="Send"),
    Cause("", "in_another_job", "In another job", "Another job has the record in hand.", "Wait for that job.",
          seen="Send"),
    Cause("", "need_failed", "Something that they need failed",
          "Something that the record needs could not be sent; the message names it.", "Mend that, then retry.",
          seen="Send"),
    Cause("", "stopped", "The job was stopped", "The job was stopped before its turn came.", "Retry.", seen="Send"),
    Cause("", "refused", "Xero refused them", "We haven't seen this one. Xero's own words are shown.",
          "Copy for support.", seen="Xero's answer"),
)  # fmt: skip

#: What the page of a check mends itself. Whatever stands against a record, it can be left out there.
IN_PLACE = {
    "account_missing": "choose an account for the item, or a default",
    "account_archived": "choose an account for the item, or a default",
    "account_wrong_type": "choose an account for the item, or a default",
    "account_not_in_xero": "choose another account; to export the code is a job of its own",
    "tax_unknown": "choose the rate in Xero",
    "tax_name_taken": "choose the rate in Xero",
    "tax_rates_differ": "choose another rate in Xero",
    "tax_ambiguous": "choose one",
    "ambiguous": "choose one, or make a new one",
    "taken": "make another one",
    "collision": "take another code",
    "code_collision": "take another code",
    "number_taken": "take another number, or let Xero number this run",
    "reset_and_still_there": "take another number",
    "bad_number": "take another number",
    "locked_period": "send this run as Draft",
    "out_of_stock": "send this run as Draft, or allow back orders",
}
BY_REASON = {cause.reason: cause for cause in CAUSES}


def recognise(words: str) -> Cause | None:
    """Return the cause that Xero's words tell of; None where nobody has seen them yet."""
    folded = words.casefold()
    return next((cause for cause in CAUSES if any(all(part in folded for part in each) for each in cause.words)), None)


def title(reason: str) -> str:
    """Return what a group of rows with this reason is called."""
    cause = BY_REASON.get(reason)
    return cause.title if cause else "Another cause"


def markdown() -> str:
    """Return the catalogue as a page of documentation."""
    return "\n".join(_lines()) + "\n"


def _where(cause: Cause) -> str:
    if cause.reason in IN_PLACE:
        return f"mended on the page of the check: {IN_PLACE[cause.reason]}"
    return "mended on the record's page" if cause.place == "record" and cause.seen.startswith("Check") else ""


def _lines() -> Iterator[str]:
    yield "# Errors"
    yield ""
    yield "What can go wrong with a record or a job, what is shown, and what mends it. Made from `xero_sync/causes.py` by"
    yield "`python manage.py write_docs`."
    for cause in CAUSES:
        yield from ("", f"## {cause.title}", "", f"{cause.says} **{cause.fix}**", "")
        known = " · ".join(f"“… {' … '.join(parts)} …”" for parts in cause.words)
        facts = (
            f"`{cause.reason}`",
            cause.ref,
            f"found at: {cause.seen}",
            _where(cause),
            f"Xero says {known}" if known else "",
        )
        yield " · ".join(fact for fact in facts if fact)
