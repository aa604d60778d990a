# SPDX-License-Identifier: Apache-2.0
"""The hooks folder: what comes in by it, what is done by it, and programs that do not behave."""
import http.client
import json
import os
import threading
import time

import pytest

from hooks import Hooks
from netns import wait_for
from service import PASSWORD, Stream, client_context

SYSTEM = "/redfish/v1/Systems/system"
CHASSIS = "/redfish/v1/Chassis/system"
MANAGER = "/redfish/v1/Managers/bmc"
RESET = SYSTEM + "/Actions/ComputerSystem.Reset"
MANAGER_RESET = MANAGER + "/Actions/Manager.Reset"

POWER = """case "$1 $2" in
"types ") echo On; echo ForceOff; echo "GracefulRestart" ;;
"state ") cat "$D/power" ;;
"reset On") echo On > "$D/power" ;;
"reset ForceOff") echo Off > "$D/power" ;;
*) echo "no \033[31msuch $*" >&2; exit 3 ;;
esac
"""
MANAGER_PROGRAM = """echo "$*" >> "$D/manager"
[ "$1" = types ] && echo GracefulRestart ForceRestart
exit 0
"""


@pytest.fixture
def hooks(tmp_path):
    return Hooks(tmp_path / "hooks")


@pytest.fixture
def start(endpoint, hooks):
    def function(**keys):
        endpoint.set_password()
        return endpoint.start(hooks=hooks.folder, **keys)
    return function


def get(bmc, path):
    answer = bmc.get(path, password=PASSWORD)
    assert answer.status == 200
    return answer.json()


def post(bmc, path, kind, **options):
    return bmc.request("POST", path, password=PASSWORD, body={"ResetType": kind}, **options)


def action_of(bmc, path=SYSTEM, name="#ComputerSystem.Reset"):
    return get(bmc, path).get("Actions", {}).get(name)


def wait_action(bmc, path=SYSTEM, name="#ComputerSystem.Reset"):
    return wait_for(lambda: action_of(bmc, path, name), 10, name)


def messages(answer):
    return [m["MessageId"].split(".")[-1] for m in answer.json()["error"]["@Message.ExtendedInfo"]]


# Without hooks nothing is promised

def test_without_hooks_there_are_no_actions(bmc):
    system = get(bmc, SYSTEM)
    assert system["Actions"] == {} and "PowerState" not in system
    assert "Actions" not in get(bmc, MANAGER)
    assert post(bmc, RESET, "On").status == 404
    assert post(bmc, MANAGER_RESET, "ForceRestart").status == 404
    assert bmc.request("POST", RESET, body={}).status == 401


def test_missing_programs_are_no_fault(hooks, start):
    bmc = start()
    assert action_of(bmc) is None and post(bmc, RESET, "On").status == 404
    assert bmc.entries("ISM1071") == []


# The host

def test_host_is_reset(hooks, start, host):
    hooks.add("power", POWER)
    bmc = start()
    action = wait_action(bmc)
    assert action["target"] == RESET
    assert action["ResetType@Redfish.AllowableValues"] == ["On", "ForceOff", "GracefulRestart"]
    wait_for(lambda: get(bmc, SYSTEM)["PowerState"] == "Off", 5, "Off")
    assert get(bmc, CHASSIS)["PowerState"] == "Off"
    assert post(bmc, RESET, "On").status == 204
    wait_for(lambda: get(bmc, SYSTEM)["PowerState"] == "On", 5, "On")
    entry = bmc.wait_entry("ISM1073")[0]
    assert entry["MessageArgs"] == ["ComputerSystem.Reset", "On", "a client at 127.0.0.1"]
    assert bmc.wait_entry("ISM1072", 2)[0]["MessageArgs"][0] == "On"
    # The host itself may not, and nobody may not.
    assert bmc.enrol(host).status == 201
    answer = bmc.request("POST", RESET, host, body={"ResetType": "ForceOff"})
    assert answer.status == 403
    assert bmc.request("POST", RESET, body={"ResetType": "ForceOff"}).status == 401
    assert hooks.read("power") == "On\n"


def test_reset_that_is_asked_for_wrongly(hooks, start):
    hooks.add("power", POWER)
    bmc = start()
    wait_action(bmc)
    for body, message in (({}, "ActionParameterMissing"),
                          ({"ResetType": 1}, "ActionParameterValueError"),
                          ({"ResetType": "Nmi"}, "ActionParameterValueNotInList"),
                          ({"ResetType": "on"}, "ActionParameterValueNotInList"),
                          ({"ResetType": "On; reboot"}, "ActionParameterValueNotInList"),
                          ({"ResetType": "On", "x": 1}, "ActionParameterUnknown")):
        answer = bmc.request("POST", RESET, password=PASSWORD, body=body)
        assert answer.status == 400 and messages(answer) == [message], body
    answer = bmc.get(RESET, password=PASSWORD)
    assert answer.status == 405 and answer.headers["Allow"] == "POST"
    assert hooks.read("power") == "Off\n" and not bmc.entries("ISM1073")


def test_hook_that_fails(hooks, start):
    hooks.add("power", POWER)
    bmc = start()
    wait_action(bmc)
    answer = post(bmc, RESET, "GracefulRestart")
    assert answer.status == 500 and messages(answer) == ["InternalError"]
    entry = bmc.wait_entry("ISM1074")[0]
    assert entry["MessageArgs"][3].startswith("it ended with 3: no ")
    assert "\x1b" not in json.dumps(entry) and "\\u001b" not in json.dumps(entry)
    assert not bmc.entries("ISM1073")


def test_hook_that_hangs_is_killed_with_all_it_has_started(hooks, start):
    hooks.add("power", '[ "$1" = types ] && { echo On; exit; }\n'
              '[ "$1" = state ] && { echo Off; exit; }\n'
              'sleep 1000 & echo $! > "$D/child"; trap "" TERM\nwait; sleep 1000')
    bmc = start(hook_seconds=1)
    wait_action(bmc)
    begin = time.monotonic()
    assert post(bmc, RESET, "On").status == 500
    assert 0.9 < time.monotonic() - begin < 8
    assert "did not end within 1 s" in bmc.wait_entry("ISM1074")[0]["Message"]
    child = int(hooks.read("child"))
    wait_for(lambda: not alive(child), 5, "its child is gone")


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_a_hook_leaves_behind_is_ended(hooks, start):
    """Also when that keeps the pipe open: the end of the program is what counts."""
    hooks.add("power", POWER.replace(
        '"reset On")', '"reset On") sleep 1000 & echo $! > "$D/child";'))
    bmc = start()
    wait_action(bmc)
    begin = time.monotonic()
    assert post(bmc, RESET, "On").status == 204
    assert time.monotonic() - begin < 8
    wait_for(lambda: not alive(int(hooks.read("child"))), 5, "its child is gone")


@pytest.mark.parametrize("stream, bound", [("1", 65536), ("2", 4096)])
def test_hook_that_floods(hooks, start, stream, bound):
    hooks.add("power", POWER.replace('"reset On")', '"reset On") yes >&%s;' % stream))
    bmc = start(hook_seconds=30)
    wait_action(bmc)
    begin = time.monotonic()
    assert post(bmc, RESET, "On").status == 500
    assert time.monotonic() - begin < 15
    assert "it wrote more than %d bytes" % bound in bmc.wait_entry("ISM1074")[0]["Message"]
    assert bmc.get("/redfish/v1/").status == 200


def test_programs_get_nothing_of_ours(hooks, start):
    """No descriptor, no variable, no shell: the arguments are as they are."""
    hooks.add("power", POWER.replace('"state ")', '"state ") ls /proc/self/fd > "$D/fds";'
                                     ' env > "$D/env"; cat > "$D/stdin"; pwd > "$D/pwd";'))
    bmc = start()
    wait_for(lambda: hooks.read("pwd"), 10, "it ran")
    # 3 is the directory that ls itself reads.
    assert hooks.read("fds").split() == ["0", "1", "2", "3"]
    names = {line.split("=")[0] for line in hooks.read("env").splitlines()}
    assert names <= {"PATH", "LC_ALL", "PWD", "SHLVL", "_", "OLDPWD"}
    assert hooks.read("stdin") == "" and hooks.read("pwd") == "/\n"
    assert bmc.get("/redfish/v1/").status == 200


def test_bad_permissions(hooks, start):
    hooks.add("power", POWER, 0o775)
    hooks.add("inventory", "echo '{}'", 0o757)
    hooks.add("real", MANAGER_PROGRAM)
    os.symlink("real", hooks.path("manager-reset"))
    bmc = start()
    reasons = {e["MessageArgs"][0]: e["MessageArgs"][1] for e in bmc.wait_entry("ISM1071", 3)}
    assert "others may write" in reasons["power"] and "others may write" in reasons["inventory"]
    assert "not a plain file" in reasons["manager-reset"]
    assert action_of(bmc) is None and post(bmc, RESET, "On").status == 404
    assert hooks.read("manager") == ""
    # Mended, and told to look again: they are used.
    os.chmod(hooks.path("power"), 0o755)
    bmc.reload()
    wait_action(bmc)
    # And what goes bad later is not run any more.
    os.chmod(hooks.path("power"), 0o777)
    assert action_of(bmc) is None and post(bmc, RESET, "On").status == 404
    assert hooks.read("power") == "Off\n"


def test_folder_that_others_can_write_to(hooks, start):
    hooks.add("power", POWER)
    os.chmod(hooks.folder, 0o777)
    bmc = start()
    assert "its folder" in bmc.wait_entry("ISM1071")[0]["MessageArgs"][1]
    assert action_of(bmc) is None


def test_not_executable_and_no_interpreter(hooks, start):
    hooks.add("power", POWER, 0o644)
    with open(hooks.path("inventory"), "w") as file:
        file.write("#!/nonexistent/interpreter\n")
    os.chmod(hooks.path("inventory"), 0o755)
    bmc = start()
    reasons = {e["MessageArgs"][0]: e["MessageArgs"][1] for e in bmc.wait_entry("ISM1071", 2)}
    assert "cannot be run" in reasons["power"]
    assert "cannot be run: No such file" in reasons["inventory"]


def test_one_at_a_time_and_a_queue_with_an_end(hooks, start):
    """Each waits for its turn; beyond the queue: 503, and no answer is lost."""
    hooks.add("power", POWER.replace(
        '"reset On")', '"reset On") mkdir "$D/lock" || echo overlap >> "$D/bad";'
        ' while [ ! -e "$D/go" ]; do sleep 0.05; done; rmdir "$D/lock"; echo x >> "$D/done";'))
    bmc = start(hook_seconds=30)
    wait_action(bmc)
    statuses = []

    def ask():
        statuses.append(post(bmc, RESET, "On", timeout=60).status)
    threads = [threading.Thread(target=ask) for _ in range(14)]
    for thread in threads:
        thread.start()
    wait_for(lambda: statuses.count(503) >= 5, 30, "refusals")  # one runs, eight wait
    assert set(statuses) == {503}
    # Meanwhile the service serves.
    assert bmc.get("/redfish/v1/").status == 200
    hooks.write("go", "")
    for thread in threads:
        thread.join(60)
    assert sorted(statuses) == [204] * 9 + [503] * 5
    assert hooks.read("done").count("x") == 9 and hooks.read("bad") == ""
    assert len(bmc.wait_entry("ISM1073", 9)) == 9


def test_client_that_goes_away(hooks, start):
    """What it asked for is done and recorded all the same."""
    hooks.add("power", POWER.replace(
        '"reset On")', '"reset On") while [ ! -e "$D/go" ]; do sleep 0.05; done;'))
    bmc = start(hook_seconds=30)
    wait_action(bmc)
    connection = client_context().wrap_socket(bmc.connect())
    body = b'{"ResetType": "On"}'
    connection.sendall(
        b"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Length: %d\r\n"
        b"Content-Type: application/json\r\n\r\n%s" % (
            RESET.encode(), __import__("base64").b64encode(b"admin:" + PASSWORD.encode()),
            len(body), body))
    wait_for(lambda: "ComputerSystem.Reset" in bmc.log() or children(bmc), 10, "it runs")
    connection.close()
    hooks.write("go", "")
    assert bmc.wait_entry("ISM1073")[0]["MessageArgs"][1] == "On"


def test_right_that_is_lost_while_it_waits(hooks, start):
    """A reset whose turn has not come is not done for somebody whose password is another by now."""
    hooks.add("power", POWER.replace(
        '"reset On")', '"reset On") while [ ! -e "$D/go" ]; do sleep 0.05; done;').replace(
        '"reset ForceOff")', '"reset ForceOff") echo x > "$D/forced";'))
    bmc = start(hook_seconds=30)
    wait_action(bmc)

    def ask(kind):
        try:
            post(bmc, RESET, kind, timeout=60)
        except (ConnectionError, http.client.HTTPException, OSError):
            pass  # its connection was ended
    threads = [threading.Thread(target=ask, args=[kind]) for kind in ("On", "ForceOff")]
    for n, thread in enumerate(threads):
        thread.start()
        wait_for(lambda n=n: bmc.log().count("body -> handling") > bmc.log().count(
            "handling -> ") + n, 20, "it waits")
    bmc.set_password("another password")
    hooks.write("go", "")
    for thread in threads:
        thread.join(60)
    wait_for(lambda: "nobody with the right to it" in bmc.log(), 20, "it is not done")
    assert hooks.read("forced") == "" and hooks.read("power") == "On\n"
    options = ["-u", "admin:another password"]
    code, log = bmc.curl(MANAGER + "/LogServices/Lclog/Entries", options=options)
    assert code == 200 and "ISM1074" in log


def children(bmc):
    with open("/proc/%d/task/%d/children" % (bmc.process.pid, bmc.process.pid)) as file:
        return file.read().split()


def test_next_request_on_the_connection_after_a_late_answer(hooks, start):
    """Pipelined behind one that waits for a hook: answered after it, in order."""
    hooks.add("power", POWER)
    bmc = start()
    wait_action(bmc)
    connection = client_context().wrap_socket(bmc.connect())
    body = b'{"ResetType": "On"}'
    token = __import__("base64").b64encode(b"admin:" + PASSWORD.encode())
    connection.sendall(
        b"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Length: %d\r\n"
        b"Content-Type: application/json\r\n\r\n%sGET /redfish HTTP/1.1\r\nHost: x\r\n"
        b"Connection: close\r\n\r\n" % (RESET.encode(), token, len(body), body))
    data = b""
    while piece := connection.recv(65536):
        data += piece
    assert data.startswith(b"HTTP/1.1 204") and b"HTTP/1.1 200" in data


def test_stopped_while_a_hook_runs(hooks, start):
    hooks.add("power", POWER.replace('"reset On")', '"reset On") echo $$ > "$D/pid"; sleep 1000;'))
    bmc = start(hook_seconds=45)
    wait_action(bmc)
    thread = threading.Thread(target=lambda: ask_and_be_cut_off(bmc))
    thread.start()
    pid = int(wait_for(lambda: hooks.read("pid"), 10, "it runs"))
    assert bmc.stop() == 0
    thread.join(10)
    assert not alive(pid)
    bmc.start()
    assert "the endpoint stops" in bmc.wait_entry("ISM1074")[0]["Message"]


def ask_and_be_cut_off(bmc):
    try:
        post(bmc, RESET, "On")
    except (OSError, __import__("http").client.HTTPException):
        pass


# The manager

def test_manager_is_reset(hooks, start):
    hooks.add("manager-reset", MANAGER_PROGRAM)
    bmc = start()
    action = wait_action(bmc, MANAGER, "#Manager.Reset")
    assert action["ResetType@Redfish.AllowableValues"] == ["GracefulRestart", "ForceRestart"]
    assert post(bmc, MANAGER_RESET, "On").status == 400
    assert post(bmc, MANAGER_RESET, "GracefulRestart").status == 204
    assert hooks.read("manager").split("\n")[:2] == ["types", "reset GracefulRestart"]
    assert bmc.wait_entry("ISM1073")[0]["MessageArgs"][0] == "Manager.Reset"
    assert action_of(bmc) is None  # the host's is another hook


def test_types_that_are_none(hooks, start):
    hooks.add("manager-reset", "echo Nmi; echo; echo 'rm -rf'")
    bmc = start()
    assert "names no ResetType" in bmc.wait_entry("ISM1071")[0]["Message"]
    assert "Actions" not in get(bmc, MANAGER)


# What comes in

def test_power_state_by_notice(bmc, host):
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host)
    assert bmc.command("notice", "power", "On").returncode == 0
    event = stream.until("ISM1072")[1]["Events"][0]
    assert event["MessageArgs"] == ["On", "a notice"]
    stream.close()
    assert get(bmc, SYSTEM)["PowerState"] == "On" and get(bmc, CHASSIS)["PowerState"] == "On"
    assert bmc.command("notice", "power", "On").returncode == 0  # no news, no record
    assert bmc.command("notice", "power", "PoweringOff").returncode == 0
    assert get(bmc, SYSTEM)["PowerState"] == "PoweringOff"
    assert len(bmc.entries("ISM1072")) == 2
    bad = bmc.command("notice", "power", "on")
    assert bad.returncode == 2 and "expected On, Off" in bad.stderr
    assert get(bmc, SYSTEM)["PowerState"] == "PoweringOff"


def test_state_that_is_none(hooks, start):
    hooks.add("power", POWER)
    hooks.write("power", "Purple\n")
    bmc = start()
    assert "no power state" in bmc.wait_entry("ISM1071")[0]["Message"]
    assert get(bmc, SYSTEM)["PowerState"] is None


def test_inventory(hooks, start):
    hooks.write("inventory", json.dumps({
        "System": {"Manufacturer": "ACME", "Model": "R 1", "SerialNumber": "S1", "HostName": "h",
                   "UUID": "4c4c4544-0051-4810-8057-b9c04f4d3632", "ProcessorCount": 2,
                   "ProcessorModel": "X", "TotalSystemMemoryGiB": 0.5},
        "Chassis": {"ChassisType": "RackMount", "SerialNumber": "C1"},
        "Manager": {"Model": "AST2600", "PartNumber": "P1"}}))
    hooks.add("inventory", 'cat "$D/inventory"')
    bmc = start(service_tag="TAG", vendor="V")
    system = wait_for(lambda: (s := get(bmc, SYSTEM)).get("Model") and s, 10, "the inventory")
    assert (system["Manufacturer"], system["SerialNumber"]) == ("ACME", "S1")
    assert system["ProcessorSummary"] == {"Model": "X", "Count": 2}
    assert system["MemorySummary"] == {"TotalSystemMemoryGiB": 0.5}
    chassis, manager = get(bmc, CHASSIS), get(bmc, MANAGER)
    assert chassis["ChassisType"] == "RackMount" and chassis["SerialNumber"] == "C1"
    assert chassis["Manufacturer"] == "V" and manager["Model"] == "AST2600"
    assert manager["PartNumber"] == "P1" and not bmc.entries("ISM1071")
    # Asked anew at a notice; a bad answer does not take the good one away.
    hooks.write("inventory", '{"System": {"Model": "R 2"}}')
    assert bmc.command("notice", "inventory").returncode == 0
    wait_for(lambda: get(bmc, SYSTEM).get("Model") == "R 2", 5, "the new one")
    hooks.write("inventory", "not JSON")
    assert bmc.command("notice", "host-reset").returncode == 0
    bmc.wait_entry("ISM1071")
    assert get(bmc, SYSTEM)["Model"] == "R 2"


def test_inventory_with_values_that_cannot_be(hooks, start):
    hooks.write("inventory", json.dumps({
        "System": {"Model": "good", "SKU": "x" * 129, "HostName": "a\x1b[2Jb", "UUID": "no",
                   "ProcessorCount": -1, "TotalSystemMemoryGiB": "much", "Bogus": 1},
        "Chassis": {"ChassisType": "Castle"}, "Manager": [], "Other": {}}))
    hooks.add("inventory", 'cat "$D/inventory"')
    bmc = start()
    assert "9 of its values" in bmc.wait_entry("ISM1071")[0]["Message"]
    system = get(bmc, SYSTEM)
    assert system["Model"] == "good"
    assert not {"SKU", "HostName", "UUID", "ProcessorSummary", "MemorySummary"} & set(system)
    assert get(bmc, CHASSIS)["ChassisType"] == "Other"


def test_notice_of_a_host_reset(bmc, host):
    assert bmc.enrol(host).status == 201
    assert bmc.root()["Oem"]["Bmclink"]["Enrolment"] == "Closed"
    assert bmc.command("notice", "host-reset").returncode == 0
    assert bmc.entries("ISM1075")
    assert bmc.root()["Oem"]["Bmclink"]["Enrolment"] == "Open"
    assert bmc.command("notice", "nonsense").returncode == 2
