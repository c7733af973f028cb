# Fills a new database: a company with an employee, users with a key for the REST
# interface each, and parties. The keys go to standard output as one JSON object.
import json
import sqlite3
import sys

from trytond import config

# Before anything else of it is imported: that reads the settings.
config.update_etc(sys.argv[1])

from trytond.pool import Pool
from trytond.transaction import Transaction

Pool.start()
pool = Pool("crm")
pool.init()
keys = {}
with Transaction().start("crm", 1) as transaction:
    get = pool.get
    Data = get("ir.model.data")

    def group(module, name):
        return Data.get_id(module, name)

    currency, = get("currency.currency").create([{
        "name": "Euro", "symbol": "€", "code": "EUR", "numeric_code": "978"}])
    own, clerk = get("party.party").create([{"name": "Our Company"}, {"name": "Clara Clerk"}])
    company, = get("company.company").create([{"party": own.id, "currency": currency.id}])
    employee, = get("company.employee").create([{"party": clerk.id, "company": company.id}])
    for name, groups in {
            # The groups of everything a clerk of the sales department does.
            "agent": [group("sale_opportunity", "group_opportunity"),
                group("sale", "group_sale"), group("party", "group_party_admin")],
            # Sees opportunities and changes nothing of them.
            "reader": [group("sale", "group_sale")],
            # In no group.
            "guest": [],
            }.items():
        user, = get("res.user").create([{
            "name": name.title(), "login": name,
            "password": "live-test-password",
            "companies": [("add", [company.id])], "company": company.id,
            "employees": [("add", [employee.id])] if name == "agent" else [],
            "employee": employee.id if name == "agent" else None,
            "groups": [("add", groups)]}])
        application, = get("res.user.application").create([{
            "user": user.id, "application": "rest", "state": "validated"}])
        keys[name] = application.key
    admin, = get("res.user").search([("login", "=", "admin")])
    get("res.user").write([admin], {
        "companies": [("add", [company.id])], "company": company.id})
    application, = get("res.user.application").create([{
        "user": admin.id, "application": "rest", "state": "validated"}])
    keys["admin"] = application.key
    keys["company"], keys["employee"] = company.id, employee.id
    keys["currency"] = currency.id
    transaction.commit()
# The file is copied: nothing may be left in the log beside it.
sqlite3.connect(sys.argv[2]).execute("PRAGMA wal_checkpoint(TRUNCATE)")
print(json.dumps(keys))
