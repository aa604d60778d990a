// SPDX-License-Identifier: Apache-2.0
"use strict";

/* The token of the Redfish session: in this variable and nowhere else, so it ends with the page. */
let token = null;
let session = null;
let etag = null;

const MANAGERS = "/redfish/v1/Managers";
const SESSIONS = "/redfish/v1/SessionService/Sessions";
const REFRESH_MS = 10000;
const RECORDS = 20;
const FEATURES = [
	["InbandAccess", "In-band access", "Clients of the host reach this BMC through it"],
	["SnmpGet", "In-band SNMP Get", "The host's SNMP agent serves values of this BMC"],
	["LocalNames", "Local names", "idrac.local, drac.local and bmc.local on the host"],
	["AutoUpdate", "Updates", "The host takes new versions of its agent from here"],
];
const paths = { module: null, log: null };

const get = (id) => document.getElementById(id);

function show(id, on) {
	get(id).hidden = !on;
}

function complain(text) {
	get("trouble").textContent = text;
	show("trouble", text !== "");
}

/* Every text that came from elsewhere goes through here: it is text, never markup. */
function element(name, text, className) {
	const made = document.createElement(name);
	if (text !== undefined)
		made.textContent = text;
	if (className)
		made.className = className;
	return made;
}

async function ask(method, path, body, fields) {
	const headers = Object.assign({ Accept: "application/json" }, fields);
	if (token)
		headers["X-Auth-Token"] = token;
	if (body !== undefined)
		headers["Content-Type"] = "application/json";
	const answer = await fetch(path, {
		method,
		headers,
		body: body === undefined ? undefined : JSON.stringify(body),
		credentials: "omit",
		cache: "no-store",
		redirect: "error",
	});
	if (answer.status === 401 && token) {
		forget();
		throw new Error("The session has ended: log in again.");
	}
	return answer;
}

async function read(path) {
	const answer = await ask("GET", path);
	if (!answer.ok)
		throw new Error(path + ": " + answer.status);
	return { json: await answer.json(), etag: answer.headers.get("ETag") };
}

function formatTime(text) {
	const when = new Date(text);
	return isNaN(when) ? String(text) : when.toLocaleString();
}

/* --- what everybody may see --- */

function showState(state) {
	const link = get("link");
	get("product").textContent = state.Product || "BMC";
	document.title = state.Product || "BMC";
	get("firmware").textContent = state.FirmwareVersion ? "Firmware " + state.FirmwareVersion : "";
	if (!state.HostConnected) {
		link.textContent = "no host is connected";
		link.className = "state bad";
		get("since").textContent = "";
		return;
	}
	const encrypted = /^TLS/.test(state.Security);
	link.textContent = "connected over " + state.Protocol + ", " + state.Security;
	link.className = encrypted ? "state good" : "state warn";
	get("since").textContent = "since " + formatTime(state.Since);
}

/* --- what needs a log-in --- */

async function findPaths() {
	const managers = (await read(MANAGERS)).json;
	const manager = (await read(managers.Members[0]["@odata.id"])).json;
	const services = (await read(manager.LogServices["@odata.id"])).json;
	const service = (await read(services.Members[0]["@odata.id"])).json;
	paths.module = manager.Oem.Bmclink.ServiceModule["@odata.id"];
	paths.log = service.Entries["@odata.id"];
}

function makeSwitch(name, title, explanation, on) {
	const label = element("label");
	const box = element("input");
	const text = element("span", title);
	box.type = "checkbox";
	box.id = "switch-" + name;
	box.checked = on;
	box.addEventListener("change", () => flip(name, box));
	text.append(element("small", explanation));
	label.append(box, text);
	return label;
}

function showSwitches(module) {
	const made = FEATURES.filter(([name]) => module[name] !== undefined)
		.map(([name, title, why]) => makeSwitch(name, title, why, module[name].Enabled));
	get("switches").replaceChildren(...made);
}

async function readSwitches() {
	const answer = await read(paths.module);
	if (answer.etag === etag && get("switches").childElementCount > 0)
		return; /* a box that somebody is about to click stays where it is */
	etag = answer.etag;
	showSwitches(answer.json);
}

/* If-Match: what somebody else changed meanwhile is shown, not overwritten. */
async function flip(name, box) {
	complain("");
	box.disabled = true;
	try {
		const answer = await ask("PATCH", paths.module,
			{ [name]: { Enabled: box.checked } }, etag ? { "If-Match": etag } : {});
		if (answer.ok) {
			etag = answer.headers.get("ETag");
			showSwitches(await answer.json());
			await readLog();
			return;
		}
		etag = null;
		await readSwitches();
		complain(answer.status === 403 ? "This user may not switch features."
			: answer.status === 412 ? "The switches have changed meanwhile: look, and try again."
			: "The switch could not be set (" + answer.status + ").");
	} catch (error) {
		box.checked = !box.checked;
		box.disabled = false;
		complain(error.message);
	}
}

async function readLog() {
	const entries = (await read(paths.log + "?$top=" + RECORDS)).json.Members;
	get("log").replaceChildren(...entries.map((entry) => {
		const severity = ["OK", "Warning", "Critical"].includes(entry.Severity)
			? entry.Severity : "OK";
		const item = element("li", undefined, severity);
		const head = element("div", undefined, "head");
		head.append(element("time", formatTime(entry.Created)),
			element("span", String(entry.MessageId).split(".").pop()),
			element("span", entry.Severity, "severity"));
		item.append(head, element("div", entry.Message));
		return item;
	}));
}

/* --- log-in --- */

/* Over a connection that is not encrypted no password is asked for. */
function maySend() {
	return location.protocol === "https:";
}

function showLogin(loggedIn) {
	show("login", !loggedIn && maySend());
	for (const id of ["features", "records", "leave"])
		show(id, loggedIn);
}

function forget() {
	token = session = etag = null;
	get("switches").replaceChildren();
	get("log").replaceChildren();
	showLogin(false);
}

async function logIn(event) {
	event.preventDefault();
	complain("");
	get("login-button").disabled = true;
	try {
		const answer = await ask("POST", SESSIONS,
			{ UserName: get("user").value, Password: get("password").value });
		if (!answer.ok)
			throw new Error(answer.status === 401 ? "User or password is wrong."
				: answer.status === 429 || answer.status === 503
					? "Too many attempts: wait a minute."
					: "The log-in failed (" + answer.status + ").");
		token = answer.headers.get("X-Auth-Token");
		session = (await answer.json())["@odata.id"];
		get("password").value = "";
		await findPaths();
		await Promise.all([readSwitches(), readLog()]);
		showLogin(true);
	} catch (error) {
		forget();
		complain(error.message);
	}
	get("login-button").disabled = false;
}

async function logOut() {
	complain("");
	try {
		await ask("DELETE", session);
	} catch (error) {
		complain(error.message);
	}
	forget();
}

/* --- all of it, now and then --- */

async function refresh() {
	try {
		showState((await read("/page/state.json")).json);
		if (token)
			await Promise.all([readSwitches(), readLog()]);
	} catch (error) {
		get("link").textContent = "this BMC does not answer";
		get("link").className = "state bad";
		get("since").textContent = "";
	}
}

get("login-form").addEventListener("submit", logIn);
get("logout-button").addEventListener("click", logOut);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
setInterval(() => document.hidden || refresh(), REFRESH_MS);
showLogin(false);
refresh();
