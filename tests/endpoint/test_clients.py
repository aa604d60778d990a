# SPDX-License-Identifier: Apache-2.0
"""Clients that others wrote: DMTF's redfishtool, OpenStack's sushy, HPE's ilorest.

They are Debian packages, and tests/lib/packages.sh lists them: a missing one is a failure."""
import json
import os
import subprocess
import sys

from service import ENTRIES, PASSWORD, PORT

MANAGER = "/redfish/v1/Managers/bmc"
SESSIONS = "/redfish/v1/SessionService/Sessions"


def run(tmp_path, *command):
    environment = {k: v for k, v in os.environ.items()
                   if "proxy" not in k.lower() and not k.endswith("CA_BUNDLE")}
    out = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120,
                         env=dict(environment, HOME=str(tmp_path)))
    return out.returncode, out.stdout, out.stderr


def json_of(text):
    return json.loads(text[text.index("{"):text.rindex("}") + 1])


def sessions(bmc):
    return bmc.get(SESSIONS, password=PASSWORD).json()["Members@odata.count"]


def redfishtool(bmc, tmp_path, *arguments, password=PASSWORD, auth="Session"):
    return run(tmp_path, "redfishtool", "-r", "%s:%d" % (bmc.address, PORT), "-u", "admin",
               "-p", password, "-S", "Always", "-A", auth, *arguments)


def test_redfishtool_reads_manager_and_log(bmc, tmp_path):
    for auth in ("Session", "Basic"):
        status, out, err = redfishtool(bmc, tmp_path, "Managers", "-I", "bmc", auth=auth)
        assert status == 0, err
        assert json_of(out)["FirmwareVersion"] == bmc.get(
            MANAGER, password=PASSWORD).json()["FirmwareVersion"]
    status, out, err = redfishtool(bmc, tmp_path, "raw", "GET", ENTRIES)
    assert status == 0 and "ISM1031" in out, err
    status, out, err = redfishtool(bmc, tmp_path, "Managers", "-I", "bmc", "Logs", "list")
    assert status == 0 and "Lclog" in out, err
    assert sessions(bmc) == 0  # it logged in, and out


def test_redfishtool_changes_the_password(bmc, tmp_path):
    status, out, err = redfishtool(bmc, tmp_path, "AccountService", "setpassword", "admin",
                                   "another password", auth="Basic")
    assert status == 0, out + err
    assert bmc.get(MANAGER, password=PASSWORD).status == 401
    assert bmc.get(MANAGER, password="another password").status == 200


def test_redfishtool_wrong_password(bmc, tmp_path):
    status, out, err = redfishtool(bmc, tmp_path, "Managers", "-I", "bmc", password="wrong one")
    assert status != 0 and "FirmwareVersion" not in out


SUSHY = """
import sys, sushy
client = sushy.Sushy(sys.argv[1], verify=False,
                     auth=sushy.auth.SessionAuth("admin", sys.argv[2]))
manager = client.get_manager("/redfish/v1/Managers/bmc")
system = client.get_system_collection().get_members()[0]
chassis = client.get_chassis_collection().get_members()[0]
entries = client._conn.get(sys.argv[3]).json()
print("manager", manager.identity, manager.firmware_version, manager.uuid)
print("system", system.identity, "chassis", chassis.identity)
print("sessions", len(client.get_session_service().sessions.get_members()))
print("messages", *(e["MessageId"] for e in entries["Members"]))
"""


def test_sushy_reads_manager_and_log(bmc, tmp_path):
    def sushy(password):
        return run(tmp_path, sys.executable, "-W", "ignore", "-c", SUSHY,
                   "https://%s:%d/redfish/v1" % (bmc.address, PORT), password, ENTRIES)
    status, out, err = sushy(PASSWORD)
    assert status == 0, err
    lines = dict(line.split(" ", 1) for line in out.splitlines())
    manager = bmc.get(MANAGER, password=PASSWORD).json()
    assert lines["manager"] == "bmc %s %s" % (manager["FirmwareVersion"], manager["UUID"])
    assert lines["system"] == "system chassis system" and lines["sessions"] == "1"
    assert "ISM1031" in lines["messages"]
    status, out, err = sushy("wrong one")
    assert status != 0 and "manager" not in out


def test_ilorest_reads_manager_and_log(endpoint, tmp_path):
    """On port 443: with another one it makes a wrong URI of the Location of its session."""
    endpoint.set_password()
    endpoint.start(port=443)

    def ilorest(*arguments):
        return run(tmp_path, "ilorest", "--nologo", *arguments)

    def count_sessions():
        code, body = endpoint.curl(SESSIONS, port=443, options=["-u", "admin:" + PASSWORD])
        assert code == 200
        return json.loads(body)["Members@odata.count"]
    url = "https://" + endpoint.address
    status, out, err = ilorest("login", url, "-u", "admin", "-p", PASSWORD)
    assert status == 0, out + err
    assert count_sessions() == 1
    status, out, err = ilorest("rawget", MANAGER)
    assert status == 0, out + err
    assert json_of(out)["ManagerType"] == "BMC"
    status, out, err = ilorest("rawget", ENTRIES)
    assert status == 0 and "ISM1031" in out, out + err
    status, out, err = ilorest("logout")
    assert count_sessions() == 0, out + err
    status, out, err = ilorest("login", url, "-u", "admin", "-p", "wrong one")
    assert status != 0 and count_sessions() == 0
