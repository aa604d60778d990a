/* SPDX-License-Identifier: Apache-2.0 */
/* The names in our certificate: fixed ones, and the addresses of the NIC. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "base/log.h"
#include "endpoint/listen.h"
#include "endpoint/service.h"

#define MODULE "identity"

/* By its name of now, where it is there. */
static void get_interface(const struct service *service, char name[IF_NAMESIZE])
{
	unsigned int ifindex = service->listen ? listen_get_ifindex(service->listen) : 0;

	if (!ifindex || !if_indextoname(ifindex, name))
		strcpy(name, service->settings.interface);
}

static const void *get_address(const struct ifaddrs *a)
{
	if (!a->ifa_addr)
		return NULL;
	if (a->ifa_addr->sa_family == AF_INET)
		return &((struct sockaddr_in *)a->ifa_addr)->sin_addr;
	if (a->ifa_addr->sa_family == AF_INET6)
		return &((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr;
	return NULL;
}

void service_get_names(const struct service *service, struct service_names *names)
{
	static const char *const fixed[] = {"bmc.local", "idrac.local", "drac.local"};
	char interface[IF_NAMESIZE];
	struct ifaddrs *list = NULL;

	names->n = 0;
	for (unsigned int i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		names->list[names->n++] = fixed[i];
	get_interface(service, interface);
	if (getifaddrs(&list) < 0)
		list = NULL;
	for (struct ifaddrs *a = list; a && names->n < SERVICE_MAX_NAMES; a = a->ifa_next) {
		const void *address = get_address(a);
		char *text = names->texts[names->n];

		if (!address || strcmp(a->ifa_name, interface) != 0)
			continue;
		if (inet_ntop(a->ifa_addr->sa_family, address, text, INET6_ADDRSTRLEN))
			names->list[names->n++] = text;
	}
	if (list)
		freeifaddrs(list);
	names->list[names->n] = NULL;
}

bool service_made(const X509 *certificate)
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	char name[64];

	return X509_NAME_cmp(subject, X509_get_issuer_name(certificate)) == 0 &&
	       X509_NAME_get_text_by_NID(subject, NID_commonName, name, sizeof(name)) > 0 &&
	       strcmp(name, SERVICE_OWN_NAME) == 0;
}

/* IPv6 addresses come and go (duplicate detection, privacy, router advertisements), and clients
 * ask for the BMC by IPv4 or by name: they are in the certificate when they are there, and never
 * the reason for another. */
static bool lacks(X509 *certificate, const char *name)
{
	struct in_addr ipv4;

	return inet_pton(AF_INET, name, &ipv4) == 1 && X509_check_ip_asc(certificate, name, 0) != 1;
}

void service_address_came(struct service *service)
{
	struct service_names names;

	if (!service->identity_unseen)
		return;
	if (server_was_used(service->server)) {
		service->identity_unseen = false;
		return;
	}
	service_get_names(service, &names);
	for (unsigned int i = 0; i < names.n; i++) {
		if (!lacks(service->identity.certificate, names.list[i]))
			continue;
		log_info(MODULE, "%s came after our certificate was made, which nobody has seen",
			names.list[i]);
		if (service_remake_identity(service) < 0)
			service->identity_unseen = false;
		return;
	}
}
