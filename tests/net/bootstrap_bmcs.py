# SPDX-License-Identifier: Apache-2.0
"""BMCs of other makes that hand out bootstrap accounts over IPMI (DSP0270)."""
import json
import ssl
import uuid

from bmcs import Gb200, Xcc

SERVICE = "/redfish/v1/AccountService"
ACCOUNTS = SERVICE + "/Accounts"


class Accounts:
    """Mixed into a StockBmc: an account service, and answers over IPMI."""

    bootstrap_id = None  # of its resource; None: its user name
    refuses = ()         # methods that this firmware does not have
    padded = True
    enabled = True

    def __init__(self, *arguments, **changes):
        self.accounts = {"root": {"UserName": "root", "Password": "calvin", "RoleId":
                                  "Administrator"}}
        self.made, self.dropped, self.asked = [], [], []
        super().__init__(*arguments, **changes)

    # Over IPMI

    def ipmi(self, command, argument):
        self.asked.append(command)
        if not self.enabled:
            return b"\x80"
        if command == 1:
            if argument != 1:
                return b"\xcb"
            return b"\0\x52\x01" + bytes.fromhex(self.tls.fingerprint.replace(":", ""))
        user, password = "HB" + uuid.uuid4().hex[:8], uuid.uuid4().hex[:16]
        self.accounts[self.bootstrap_id or user] = {
            "UserName": user, "Password": password, "RoleId": "Administrator",
            "HostBootstrapAccount": True}
        if self.padded:
            return b"\0\x52" + user.encode().ljust(16, b"\0") + password.encode().ljust(16, b"\0")
        return b"\0\x52" + user.encode() + b"\0" + password.encode() + b"\0"

    def bootstraps(self):
        return [a for a in self.accounts.values() if a.get("HostBootstrapAccount")]

    def lasting(self):
        return [a for a in self.accounts.values()
                if not a.get("HostBootstrapAccount") and a["UserName"] != "root"]

    def reset_to_defaults(self, certificate):
        """Or another board: nobody is known, and its certificate is another one."""
        self.close()
        self.accounts = {"root": self.accounts["root"]}
        self.sessions.clear()
        path = self.tls.__class__(self.folder, name=certificate)
        self.tls = path
        self.start()

    # Over Redfish

    def root(self):
        return dict(super().root(), AccountService={"@odata.id": SERVICE})

    def resources(self):
        table = super().resources()
        table[SERVICE] = {"@odata.id": SERVICE, "Accounts": {"@odata.id": ACCOUNTS}}
        table[ACCOUNTS] = {"Members": [{"@odata.id": ACCOUNTS + "/" + name}
                                       for name in self.accounts]}
        for name, account in self.accounts.items():
            table[ACCOUNTS + "/" + name] = dict(account, Password=None)
        return table

    def who(self, request):
        return self.owners.get(request.token) if hasattr(self, "owners") else None

    def _log_in(self, connection, request):
        said = json.loads(request.body)
        for account in self.accounts.values():
            if (account["UserName"], account["Password"]) == (said["UserName"], said["Password"]):
                self.password = said["Password"]
                break
        else:
            self.refused += 1
            return self._send(connection, 401, {"error": {}})
        name, token = uuid.uuid4().hex[:8], uuid.uuid4().hex
        path = self.location(name)
        with self.lock:
            self.owners = dict(getattr(self, "owners", {}), **{token: said["UserName"]})
            self.sessions[path] = token
            self.created.append(path)
            self.given.add(path)
        return self._send(connection, 201, {"@odata.id": path, "UserName": said["UserName"]},
                          ["X-Auth-Token: " + token, "Location: " + path])

    def is_administrator(self, request):
        return any(a["UserName"] == self.who(request) and a["RoleId"] == "Administrator"
                   for a in self.accounts.values())

    def _answer(self, connection, request):
        if not request.path.startswith(ACCOUNTS) or request.method == "GET" \
                or not self.knows(connection, request):
            return super()._answer(connection, request)
        if not self.is_administrator(request):
            return self._send(connection, 403, {"error": {}})
        if request.method in self.refuses:
            return self._send(connection, 405, {"error": {}})
        fault = self.faults.pop(request.method, None)
        answer = getattr(self, "_" + request.method.lower())(request)
        if fault:
            return fault(connection, request)
        return self._send(connection, *answer)

    def _post(self, request):
        said = json.loads(request.body)
        if any(a["UserName"] == said["UserName"] for a in self.accounts.values()):
            return 400, {"error": {"@Message.ExtendedInfo": [
                {"MessageId": "Base.1.8.ResourceAlreadyExists"}]}}
        self.accounts[said["UserName"]] = said
        self.made.append(said["UserName"])
        self.given.add(ACCOUNTS + "/" + said["UserName"])
        return 201, {"@odata.id": ACCOUNTS + "/" + said["UserName"]}

    def _patch(self, request):
        account = self.accounts.get(request.path.rsplit("/", 1)[1])
        account.update(json.loads(request.body))
        return 200, {}

    def _delete(self, request):
        name = request.path.rsplit("/", 1)[1]
        user = self.accounts.pop(name)["UserName"]
        self.dropped.append(user)
        with self.lock:
            ended = [t for t, owner in self.owners.items() if owner == user]
            for path in [p for p, t in self.sessions.items() if t in ended]:
                del self.sessions[path]
        return 204, {}


class BootXcc(Accounts, Xcc):
    bootstrap_id = "HostBootStrap"


class BootGb200(Accounts, Gb200):
    padded = False


def cut(connection, request):
    """Done, and the answer is lost."""
    if isinstance(connection, ssl.SSLSocket):
        connection.shutdown(2)
    return False
