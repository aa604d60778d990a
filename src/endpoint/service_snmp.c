/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/service_snmp.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "base/util.h"
#include "endpoint/service.h"

#define MODULE	     "snmp"
#define LOOK_SECONDS 60 /* for a host that went without a word; twice not there: its user goes */
/* RFC 3411, clause 5, SnmpEngineID: the highest bit and the enterprise of Net-SNMP, whose engine it
 * is, then 5: octets of the administrator's choice. */
#define ENGINE_HEAD 0x80, 0x00, 0x1f, 0x88, 0x05

const char *service_get_snmp_subtree(const struct service *service)
{
	if (service->settings.snmp_subtree[0])
		return service->settings.snmp_subtree;
	return service->settings.profile == PROFILE_IDRAC ? SNMP_SUBTREE_IDRAC : SNMP_SUBTREE;
}

bool service_snmp_is_served(const struct service *service)
{
	_cleanup_close_ int fd =
		openat(service->runtime_fd, SNMP_LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	/* Looked at and not taken: who starts in this moment would think that another one serves.
	 * Where it cannot be looked at it does not run: the host asks again. */
	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static json_t *make_file(const struct service *service)
{
	const struct snmp_user *user = &service->snmp;
	const struct endpoint_settings *settings = &service->settings;

	return json_pack("{s:s, s:i, s:i, s:s, s:s, s:b, s:s, s:s, s:s, s:s}", "interface",
		settings->interface, "ifindex", (int)if_nametoindex(settings->interface), "port",
		(int)settings->snmp_port, "subtree", service_get_snmp_subtree(service), "engine",
		user->engine, "idrac", settings->profile == PROFILE_IDRAC, "user", user->name,
		"auth", snmp_auth_name(user->auth), "auth_key", user->auth_key, "priv_key",
		user->priv_key);
}

static int write_file(struct service *service)
{
	json_t *object = make_file(service), *before = NULL;
	int r = object ? 0 : -ENOMEM;

	/* Written anew is started anew at the other side: only when something is new. */
	if (r == 0 && state_read_json(service->runtime_fd, SNMP_FILE, &before) == 0 &&
		json_equal(before, object))
		r = 1;
	if (r == 0)
		r = state_write_json(service->runtime_fd, SNMP_FILE, object, 0600);
	json_decref(before);
	json_decref(object);
	return r < 0 ? r : 0;
}

static int make_engine(char engine[2 * SNMP_ENGINE_BYTES + 1])
{
	unsigned char bytes[SNMP_ENGINE_BYTES] = {ENGINE_HEAD};
	char hex[3 * SNMP_ENGINE_BYTES];

	if (RAND_bytes(bytes + 5, sizeof(bytes) - 5) != 1)
		return -EIO;
	text_make_hex(bytes, sizeof(bytes), 0, hex);
	memcpy(engine, hex, 2 * SNMP_ENGINE_BYTES + 1);
	return 0;
}

static bool same_user(const struct snmp_user *a, const struct snmp_user *b)
{
	return strcmp(a->name, b->name) == 0 && a->auth == b->auth &&
	       strcmp(a->auth_key, b->auth_key) == 0 && strcmp(a->priv_key, b->priv_key) == 0;
}

static void look_for_host(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval look = {LOOK_SECONDS, 0};
	struct service *service = arg;

	if (!service->snmp.name[0])
		return;
	if (sse_count_hosts(service->sse) > 0)
		service->snmp_looks = 0;
	else if (++service->snmp_looks >= 2) {
		service_remove_snmp_user(service, "the host is not connected");
		return;
	}
	evtimer_add(service->snmp_timer, &look);
}

static int watch_host(struct service *service)
{
	const struct timeval look = {LOOK_SECONDS, 0};

	if (!service->snmp_timer)
		service->snmp_timer = evtimer_new(service->base, look_for_host, service);
	service->snmp_looks = 0;
	return service->snmp_timer && evtimer_add(service->snmp_timer, &look) == 0 ? 0 : -ENOMEM;
}

void service_free_snmp(struct service *service)
{
	if (service->snmp_timer)
		event_free(service->snmp_timer);
	service->snmp_timer = NULL;
}

int service_set_snmp_user(struct service *service, const struct snmp_user *user)
{
	struct snmp_user made = *user;
	int r = 0;

	if (!service->settings.snmp || service->features.off[FEATURES_SNMP_GET])
		return -EPERM;
	if (same_user(user, &service->snmp))
		memcpy(made.engine, service->snmp.engine, sizeof(made.engine));
	else
		r = make_engine(made.engine);
	if (r < 0)
		return r;
	service->snmp = made;
	r = watch_host(service);
	if (r == 0)
		r = write_file(service);
	if (r < 0) {
		service_remove_snmp_user(service, strerror(-r));
		return r;
	}
	log_info(MODULE, "the host has its user");
	return 0;
}

void service_remove_snmp_user(struct service *service, const char *why)
{
	if (service->snmp.name[0])
		log_info(MODULE, "the user of the host is gone: %s", why);
	OPENSSL_cleanse(&service->snmp, sizeof(service->snmp));
	service->snmp = (struct snmp_user){.name = ""};
	/* also what an endpoint that was killed left behind */
	state_clean_file(service->runtime_fd, SNMP_FILE);
	state_remove_file(service->runtime_fd, SNMP_FILE);
}

void service_review_snmp(struct service *service)
{
	int r;

	if (!service->snmp.name[0])
		return;
	if (!service->settings.snmp || service->features.off[FEATURES_SNMP_GET])
		service_remove_snmp_user(service, "it is off");
	else if (!trust_find(&service->trust, service->snmp.host))
		service_remove_snmp_user(service, "the host is not known any more");
	else {
		r = write_file(service);
		if (r < 0)
			log_warning(MODULE, SNMP_FILE ": %s", strerror(-r));
	}
}

/* The first of them that is known; NULL: none. */
static json_t *choose(const struct service *service, const char *section, const char *name,
	const char *configured)
{
	const json_t *value = platform_get(service->platform, section, name);

	if (value)
		return json_incref((json_t *)value);
	return configured && configured[0] ? json_string(configured) : NULL;
}

json_t *service_get_snmp_values(const struct service *service)
{
	const struct endpoint_settings *settings = &service->settings;

	return json_pack("{s:o*, s:s, s:o*, s:o*, s:o*, s:o*, s:s?}", "Product",
		choose(service, "Manager", "Model", settings->product), "FirmwareVersion",
		settings->firmware_version, "Model", choose(service, "System", "Model", NULL),
		"ServiceTag", choose(service, "System", "SerialNumber", settings->service_tag),
		"Health", choose(service, "System", "Health", NULL), "StorageHealth",
		choose(service, "System", "StorageHealth", NULL), "PowerState",
		platform_get_power(service->platform));
}
