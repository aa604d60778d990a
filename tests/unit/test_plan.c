/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan, one row a machine and situation: the NIC that is chosen and why, then the addresses of
 * both ends and where they came from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "host/discover/nic_ids.h"
#include "host/discover/plan.h"

/* Only what the plan looks at; the key table is settings.c's business. */
static struct settings make_settings(void)
{
	struct settings settings = {.ipv4 = true, .ipv6 = true, .configure = CONFIGURE_ONCE};

	strcpy(settings.interface, "auto");
	return settings;
}

static struct in_addr ip4(const char *text)
{
	struct in_addr address = {0};

	if (text)
		assert_int_equal(inet_pton(AF_INET, text, &address), 1);
	return address;
}

static struct smbios42_address make_address(
	enum smbios42_assignment assignment, const char *text, unsigned int prefix)
{
	struct smbios42_address a = {.assignment = assignment, .prefix = prefix};

	if (!text)
		return a;
	a.present = true;
	a.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(
		inet_pton(a.family, text, a.family == AF_INET ? (void *)&a.ipv4 : (void *)&a.ipv6),
		1);
	return a;
}

static void load_sample(const char *name, struct smbios42 *record)
{
	char path[512];
	uint8_t data[512];
	const char *why;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), TEST_DATA "/smbios42/%s.raw", name);
	f = fopen(path, "rb");
	assert_non_null(f);
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	assert_int_equal(smbios42_decode(data, n, record, &why), 0);
}

#define USB(index, nic_name, v, p)                                                                 \
	{                                                                                          \
		.ifindex = (index), .name = nic_name, .mac = {2, 0, 0, 0, 0, index},               \
		.bus = PLAN_BUS_USB, .vendor = (v), .product = (p)                                 \
	}
#define PCI(index, nic_name, v, p)                                                                 \
	{                                                                                          \
		.ifindex = (index), .name = nic_name, .mac = {2, 0, 0, 0, 0, index},               \
		.bus = PLAN_BUS_PCI, .vendor = (v), .product = (p)                                 \
	}
#define OTHER(index, nic_name)                                                                     \
	{                                                                                          \
		.ifindex = (index), .name = nic_name, .mac = { 2, 0, 0, 0, 0, index }              \
	}

/* --- the NIC --- */

#define R_USB(v, p)                                                                                \
	{                                                                                          \
		.device = SMBIOS42_USB_V1, .vendor = (v), .product = (p)                           \
	}
#define R_USB_MAC(v, p, last)                                                                      \
	{                                                                                          \
		.device = SMBIOS42_USB_V2, .vendor = (v), .product = (p), .has_mac = true,         \
		.mac = { 2,                                                                        \
			0,                                                                         \
			0,                                                                         \
			0,                                                                         \
			0,                                                                         \
			last }                                                                     \
	}
#define R_PCI(v, p)                                                                                \
	{                                                                                          \
		.device = SMBIOS42_PCI_V1, .vendor = (v), .product = (p)                           \
	}
#define R_PCI_MAC(v, p, last)                                                                      \
	{                                                                                          \
		.device = SMBIOS42_PCI_V2, .vendor = (v), .product = (p), .has_mac = true,         \
		.mac = { 2,                                                                        \
			0,                                                                         \
			0,                                                                         \
			0,                                                                         \
			0,                                                                         \
			last }                                                                     \
	}
#define R_OEM                                                                                      \
	{                                                                                          \
		.device = SMBIOS42_DEVICE_OEM                                                      \
	}

static const struct {
	const char *name, *interface;
	struct plan_nic nics[5];
	struct smbios42 records[3];
	unsigned int n_nics, n_records;
	unsigned int chosen; /* ifindex, 0: none */
	enum plan_source source;
	unsigned int others, records_used;
	const char *why_not; /* a part of it */
} nic_rows[] = {
	{"nothing there",					       "auto",	  {{0}},							    {{0}},			0, 0, 0, PLAN_FROM_NONE,	 0, 0, "no SMBIOS type 42"},
	{"Dell without SMBIOS",					 "auto",
		{PCI(2, "eno1", 0x14e4, 0x165f), USB(9, "idrac", 0x413c, 0xa102)},										   {{0}},			  2, 0, 9,
		PLAN_FROM_USB_ID,																						     0, 0, NULL		    },
	{"Dell with SMBIOS",					    "auto",
		{PCI(2, "eno1", 0x14e4, 0x165f), USB(9, "idrac", 0x413c, 0xa102)},
		{R_USB(0x413c, 0xa102)},																		   2, 1, 9, PLAN_FROM_SMBIOS, 0, 1, NULL		      },
	{"NIC switched off on the BMC",					"auto",		{PCI(2, "eno1", 0x14e4, 0x165f)},
		{R_USB(0x413c, 0xa102)},																		   1, 1, 0, PLAN_FROM_NONE,	  0, 0, "USB NIC 413c:a102"},
	{"SMBIOS names another NIC than the table",			    "auto",
		{USB(3, "a", 0x413c, 0xa102), USB(4, "b", 0x0525, 0xa4a2)},										       {R_USB(0x0525, 0xa4a2)},
		2,																					    1, 4, PLAN_FROM_SMBIOS, 0, 1, NULL		     },
	{"SMBIOS names a NIC that is not there, the table one that is", "auto",
		{USB(3, "a", 0x413c, 0xa102)},														    {R_USB(0x0525, 0xa4a2)}, 1, 1, 3, PLAN_FROM_USB_ID,
		0,																								       0, NULL		  },
	{"a gadget that nobody names",				       "auto",	       {USB(3, "phone", 0x0525, 0xa4a2)},				  {{0}},			 1, 0, 0,
		PLAN_FROM_NONE,																						       0, 0, "known USB id"	    },
	{"Dell's ids on the PCI bus",				      "auto",	      {PCI(3, "x", 0x413c, 0xa102)},
		{R_USB(0x413c, 0xa102)},																		   1, 1, 0, PLAN_FROM_NONE,	  0, 0, "not there"	   },
	{"two of the same ids: the lowest ifindex",			    "auto",
		{USB(8, "b", 0x413c, 0xa102), USB(5, "a", 0x413c, 0xa102)},										       {R_USB(0x413c, 0xa102)},
		2,																					    1, 5, PLAN_FROM_SMBIOS, 1, 1, NULL		     },
	{"two of the same ids: the MAC decides",			 "auto",
		{USB(5, "a", 0x0525, 0xa4a2), USB(8, "b", 0x0525, 0xa4a2)},
		{R_USB_MAC(0x0525, 0xa4a2, 8)},																	    2, 1, 8, PLAN_FROM_SMBIOS, 0, 1, NULL		     },
	{"the MAC is that of a VLAN on the NIC as well",		 "auto",
		{{.ifindex = 4, .name = "vlan", .mac = {2, 0, 0, 0, 0, 8}},
			USB(8, "b", 0x0525, 0xa4a2)},
		{R_USB_MAC(0x0525, 0xa4a2, 8)},																	    2, 1, 8, PLAN_FROM_SMBIOS, 0, 1, NULL		     },
	{"the right MAC on other ids is not enough",		     "auto",	     {USB(8, "b", 0x0bda, 0x8153)},
		{R_USB_MAC(0x0525, 0xa4a2, 8)},																	    1, 1, 0, PLAN_FROM_NONE,	 0, 0, "0525:a4a2"	  },
	{"the ids are enough when the MAC is another",		       "auto",	       {USB(7, "b", 0x0525, 0xa4a2)},
		{R_USB_MAC(0x0525, 0xa4a2, 8)},																	    1, 1, 7, PLAN_FROM_SMBIOS, 0, 1, NULL		     },
	{"two records for one NIC",				     "auto",	    {USB(7, "b", 0x04b3, 0x4010)},
		{R_USB(0x04b3, 0x4010), R_OEM, R_USB(0x04b3, 0x4010)},														     1, 3, 7, PLAN_FROM_SMBIOS, 0,
		5,																									  NULL	       },
	{"two records, each with its MAC",				   "auto",	   {USB(7, "b", 0x04b3, 0x4010)},
		{R_USB_MAC(0x04b3, 0x4010, 6), R_USB_MAC(0x04b3, 0x4010, 7)},													      1, 2, 7,
		PLAN_FROM_SMBIOS,																						     0, 2, NULL		    },
	{"PCI by ids",						  "auto",	       {PCI(2, "eno1", 0x14e4, 0x165f)},				 {R_PCI(0x14e4, 0x165f)}, 1, 1, 2,
		PLAN_FROM_SMBIOS,																						     0, 1, NULL		    },
	{"PCI by ids, but there are two of that model",			"auto",
		{PCI(2, "eno1", 0x14e4, 0x165f), PCI(3, "eno2", 0x14e4, 0x165f)},
		{R_PCI(0x14e4, 0x165f)},																		   2, 1, 0, PLAN_FROM_NONE,	  1, 0,
		"name one with 'interface'"																								    },
	{"PCI by MAC",						  "auto",	       {PCI(2, "eno1", 0x14e4, 0x165f), PCI(3, "eno2", 0x14e4, 0x165f)},
		{R_PCI_MAC(0x14e4, 0x165f, 3)},																	    2, 1, 3, PLAN_FROM_SMBIOS, 0, 1, NULL		     },
	{"PCI of the model, but with another MAC",			   "auto",	   {PCI(2, "eno1", 0x14e4, 0x165f)},
		{R_PCI_MAC(0x14e4, 0x165f, 3)},																	    1, 1, 0, PLAN_FROM_NONE,	 0, 0, "PCI NIC 14e4:165f"},
	{"named",						       "bmc0",	  {USB(3, "a", 0x413c, 0xa102), OTHER(4, "bmc0")},		   {{0}},			  2, 0, 4,
		PLAN_FROM_CONFIG,																						     0, 0, NULL		    },
	{"named, SMBIOS speaks of another one",				"bmc0",
		{USB(3, "a", 0x413c, 0xa102), OTHER(4, "bmc0")},												  {R_USB(0x413c, 0xa102)}, 2, 1, 4,
		PLAN_FROM_CONFIG,																						     0, 0, NULL		    },
	{"named, SMBIOS speaks of none that is there",		       "bmc0",	       {OTHER(4, "bmc0")},
		{R_USB(0x413c, 0xa102)},																		   1, 1, 4, PLAN_FROM_CONFIG, 0, 1, NULL		      },
	{"named, and it is not there",				       "bmc0",	       {USB(3, "a", 0x413c, 0xa102)},
		{R_USB(0x413c, 0xa102)},																		   1, 1, 0, PLAN_FROM_NONE,	  0, 0, "no NIC 'bmc0'"    },
	{"named by ids",						"usb:0525:A4A2",
		{USB(3, "a", 0x413c, 0xa102), USB(4, "b", 0x0525, 0xa4a2)},										       {R_USB(0x413c, 0xa102)},
		2,																					    1, 4, PLAN_FROM_CONFIG, 0, 0, NULL		     },
	{"named by ids, but it is a PCI NIC",			      "usb:0525:a4a2", {PCI(4, "b", 0x0525, 0xa4a2)},				      {{0}},
		1,																					    0, 0, PLAN_FROM_NONE,	 0, 0, "usb:0525:a4a2"    },
};

static void test_nic(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(nic_rows); i++) {
		struct settings settings = make_settings();
		struct plan_facts facts = {&settings, nic_rows[i].records, nic_rows[i].n_records,
			nic_rows[i].nics, nic_rows[i].n_nics};
		struct plan plan;

		print_message("%s\n", nic_rows[i].name);
		strcpy(settings.interface, nic_rows[i].interface);
		plan_make(&facts, &plan);
		assert_int_equal(plan.found, nic_rows[i].chosen != 0);
		assert_int_equal(plan.nic.ifindex, nic_rows[i].chosen);
		assert_int_equal(plan.nic_source, nic_rows[i].source);
		assert_int_equal(plan.others, nic_rows[i].others);
		assert_int_equal(plan.records_used, nic_rows[i].records_used);
		if (nic_rows[i].why_not)
			assert_non_null(strstr(plan.why_not, nic_rows[i].why_not));
		else
			assert_string_equal(plan.why_not, "");
	}
}

/* --- the addresses --- */

struct address_row {
	const char *name;
	uint16_t vendor, product; /* of the USB NIC */
	const char *sample;	  /* or a record made of the next four */
	enum smbios42_assignment host_assign;
	const char *host;
	enum smbios42_assignment service_assign;
	const char *service;
	unsigned int prefix;
	const char *config_host, *config_bmc;

	enum plan_source source;
	const char *bmc[2], *own[2];
	unsigned int refused;
};

#define STATIC	SMBIOS42_ASSIGN_STATIC
#define DHCP	SMBIOS42_ASSIGN_DHCP
#define AUTO	SMBIOS42_ASSIGN_AUTO
#define HOSTSEL SMBIOS42_ASSIGN_HOST_SELECTED
#define UNKNOWN SMBIOS42_ASSIGN_UNKNOWN

static const struct address_row address_rows[] = {
	/* four real shapes */
	{"Dell R740: host DHCP, service static",					 0x413c, 0xa102, "dell_r740",  0,	 NULL,	       0,	  NULL,		0,
		NULL,																					    NULL,		    PLAN_FROM_SMBIOS,  {"169.254.2.2"},		       {"169.254.2.3"},		0},
	{"Lenovo XCC",							    0x04b3, 0x4010, "lenovo_xcc", 0,	NULL,	      0,	 NULL,	       0,  NULL,		NULL,
		PLAN_FROM_SMBIOS,																								     {"169.254.95.118"},	      {"169.254.95.120"},		  0},
	{"Supermicro: automatic, with addresses",				  0x0b1f, 0x03ee, "supermicro", 0,	   NULL,		 0,	    NULL,		  0,
		NULL,																					    NULL,		    PLAN_FROM_SMBIOS,  {"169.254.3.254"},		 {"169.254.3.1"},		  0},
	{"Arm",								   0x0d28, 0x0204, "usbv2_v13",  0,	NULL,	      0,	 NULL,	       0,  NULL,		NULL,	      PLAN_FROM_SMBIOS,
		{"192.168.122.10"},																												   {"192.168.122.9"},	       0},
 /* other machines, from published tables */
	{"GB200",								 0x0525, 0xa4a2, NULL,		STATIC,	"10.0.1.2",	    STATIC,  "10.0.1.1",	24, NULL,		  NULL,
		PLAN_FROM_SMBIOS,																								     {"10.0.1.1"},			{"10.0.1.2"},		      0},
	{"iLO: DHCP on both ends",						0x03f0, 0x2927, NULL,	 DHCP,    NULL,		     DHCP,	   NULL,		 0,  NULL,		  NULL,
		PLAN_FROM_USB_ID,																								     {"16.1.15.1"},			 {"16.1.15.2"},			0},
	{"iLO that gives its addresses",					  0x03f0, 0x2927, NULL,	       STATIC,  "16.1.15.2",	    STATIC,
		"16.1.15.1",																		 30, NULL,	       NULL,	     PLAN_FROM_SMBIOS,  {"16.1.15.1"},		      {"16.1.15.2"},		     0},
	{"ASUS: DHCP on both ends, no known default",			      0x0b05, 0x1976, NULL,	    DHCP,	  NULL,		DHCP,    NULL,
		0,																			       NULL,		 NULL,	       PLAN_FROM_DEFAULT, {"169.254.1.1", "169.254.0.1"},
		{"169.254.1.2", "169.254.0.2"},																														       0},
	{"AMI without addresses",						 0x046b, 0xffb0, NULL,		UNKNOWN, NULL,	       UNKNOWN, NULL,	      0,	 NULL,	       NULL,
		PLAN_FROM_USB_ID,																								     {"169.254.95.118"},	      {"169.254.95.120"},		  0},
	{"Dell without addresses",						0x413c, 0xa102, NULL,	 DHCP,    NULL,		     DHCP,	   NULL,		 0,  NULL,		  NULL,
		PLAN_FROM_USB_ID,																								     {"169.254.1.1", "169.254.0.1"}, {"169.254.1.2", "169.254.0.2"},
		0																																		      },
 /* each assignment, on a NIC without vendor defaults */
	{"static without addresses",					      0x0525, 0xa4a2, NULL,	   STATIC,  NULL,		 STATIC,	 NULL,	       0,  NULL,
		NULL,																							      PLAN_FROM_DEFAULT, {"169.254.1.1", "169.254.0.1"},
		{"169.254.1.2", "169.254.0.2"},																														       0},
	{"automatic host without an address",				      0x0525, 0xa4a2, NULL,	    AUTO,	  NULL,		STATIC,
		"192.168.7.2",																	       24, NULL,		 NULL,	       PLAN_FROM_SMBIOS,	 {"192.168.7.2"},		  {"192.168.7.3"},
		0																																		      },
	{"host selected: an address there is not the host's",		      0x0525, 0xa4a2, NULL,	    HOSTSEL,
		"192.168.7.9",														     STATIC,  "192.168.7.2",   24, NULL,		NULL,	      PLAN_FROM_SMBIOS,
		{"192.168.7.2"},																												      {"192.168.7.3"},		  0},
	{"unknown host, unknown service with an address",			  0x0525, 0xa4a2, NULL,		UNKNOWN,
		"192.168.7.9",														     UNKNOWN, "192.168.7.2",   24, NULL,		 NULL,	       PLAN_FROM_SMBIOS,
		{"192.168.7.2"},																												      {"192.168.7.3"},		  0},
	{"DHCP service that gives an address",				       0x0525, 0xa4a2, NULL,	     DHCP,	   "192.168.7.9",	  DHCP,
		"192.168.7.2",																	       24, NULL,		 NULL,	       PLAN_FROM_SMBIOS,	 {"192.168.7.2"},		  {"192.168.7.3"},
		0																																		      },
 /* the host beside the BMC */
	{"BMC + 1 would be the broadcast address",				   0x0525, 0xa4a2, NULL,	 DHCP,    NULL,		     STATIC,
		"192.168.7.254",																	     24, NULL,	   NULL,		 PLAN_FROM_SMBIOS,  {"192.168.7.254"},
		{"192.168.7.253"},																																    0},
	{"the same, prefix not known",					    0x0525, 0xa4a2, NULL,	     DHCP,	   NULL,		 STATIC,	 "192.168.7.254",
		32,																			      NULL,		  NULL,		PLAN_FROM_SMBIOS,  {"192.168.7.254"},		     {"192.168.7.253"},		0},
	{"/30, BMC second",						       0x0525, 0xa4a2, NULL,	  DHCP,	NULL,	      STATIC,  "10.0.1.2",	  30, NULL,	    NULL,
		PLAN_FROM_SMBIOS,																								     {"10.0.1.2"},			{"10.0.1.1"},		      0},
	{"/31",								   0x0525, 0xa4a2, NULL,	      DHCP,    NULL,		  STATIC,  "10.0.1.1",      31, NULL,		NULL,
		PLAN_FROM_SMBIOS,																								     {"10.0.1.1"},			{"10.0.1.0"},		      0},
	{"host address equals the BMC's",					  0x0525, 0xa4a2, NULL,		STATIC,	"10.0.1.1",	    STATIC,
		"10.0.1.1",																		  24, NULL,	      NULL,		    PLAN_FROM_SMBIOS,  {"10.0.1.1"},		    {"10.0.1.2"},			  0},
	{"host address outside the BMC's network",				   0x0525, 0xa4a2, NULL,	 STATIC,	 "10.0.2.2",	     STATIC,
		"10.0.1.1",																		  24, NULL,	      NULL,		    PLAN_FROM_SMBIOS,  {"10.0.1.1"},		    {"10.0.1.2"},			  0},
 /* configuration */
	{"BMC configured",							0x413c, 0xa102, "dell_r740",	0,	   NULL,		 0,	    NULL,		  0,  NULL,	   "192.168.9.254",
		PLAN_FROM_CONFIG,																								     {"192.168.9.254"},		     {"192.168.9.253"},		0},
	{"BMC configured to what the record says",				   0x04b3, 0x4010, "lenovo_xcc", 0,	    NULL,		  0,	     NULL,
		0,																			       NULL,		 "169.254.95.118", PLAN_FROM_CONFIG,  {"169.254.95.118"},		 {"169.254.95.120"},
		0																																		      },
	{"host configured",						       0x413c, 0xa102, "dell_r740",	 0,	    NULL,		  0,	     NULL,		   0,  "169.254.2.77", NULL,
		PLAN_FROM_SMBIOS,																								     {"169.254.2.2"},		   {"169.254.2.77"},		     0},
	{"both configured, and a public address is the administrator's business", 0x413c, 0xa102,
		"dell_r740",											   0,	NULL,	      0,	 NULL,	       0,  "8.8.8.7",	     "8.8.8.8",	PLAN_FROM_CONFIG,
		{"8.8.8.8"},																													  {"8.8.8.7"},			  0},
 /* hostile or broken firmware */
	{"a public service address",					      0x0525, 0xa4a2, NULL,	   STATIC,  "8.8.8.7",	      STATIC,  "8.8.8.8",	 24,
		NULL,																					    NULL,		    PLAN_FROM_DEFAULT, {"169.254.1.1", "169.254.0.1"},
		{"169.254.1.2", "169.254.0.2"},																														       2},
	{"iLO's network from another vendor",				      0x0525, 0xa4a2, NULL,	    STATIC,  "16.1.15.2",	 STATIC,
		"16.1.15.1",																		 30, NULL,	       NULL,	     PLAN_FROM_DEFAULT, {"169.254.1.1", "169.254.0.1"},
		{"169.254.1.2", "169.254.0.2"},																														       2},
	{"the metadata service",						  0x0525, 0xa4a2, NULL,	       STATIC,  "169.254.169.253", STATIC,
		"169.254.169.254",																	   16, NULL,	     NULL,		   PLAN_FROM_DEFAULT,
		{"169.254.1.1", "169.254.0.1"},																										       {"169.254.1.2", "169.254.0.2"}, 2},
	{"loopback",							      0x0525, 0xa4a2, NULL,	   STATIC,  "127.0.0.2",	STATIC,	"127.0.0.1",     8,	NULL,	      NULL,
		PLAN_FROM_DEFAULT,																								    {"169.254.1.1", "169.254.0.1"}, {"169.254.1.2", "169.254.0.2"},
		2																																		      },
	{"multicast",							     0x0525, 0xa4a2, NULL,	    DHCP,	  NULL,		STATIC,	"224.0.0.1",     4,	NULL,	      NULL,
		PLAN_FROM_DEFAULT,																								    {"169.254.1.1", "169.254.0.1"}, {"169.254.1.2", "169.254.0.2"},
		1																																		      },
	{"a public host address beside a private service",			   0x0525, 0xa4a2, NULL,	 STATIC,	 "8.8.8.8",
		STATIC,																     "10.0.0.1",	    1,  NULL,	     NULL,		   PLAN_FROM_SMBIOS,  {"10.0.0.1"},		   {"10.0.0.2"},			 1},
 /* IPv6 only */
	{"only IPv6 by type 42",						  0x04b3, 0x4010, NULL,	       AUTO,    "fe80::2",		STATIC,	"fe80::1",	   64, NULL,
		NULL,																							      PLAN_FROM_SMBIOS,	{NULL},				{NULL},				0},
	{"host IPv4, service IPv6",					       0x0525, 0xa4a2, NULL,	  STATIC,  "10.0.0.2",	      STATIC,  "fe80::1",	 64,
		NULL,																					    NULL,		    PLAN_FROM_SMBIOS,  {NULL},			      {NULL},			      0},
	{"only IPv6 by type 42, IPv4 configured",				  0x04b3, 0x4010, NULL,		AUTO,    NULL,		    STATIC,
		"fe80::1",																		   64, NULL,	     "10.1.1.1",	 PLAN_FROM_CONFIG,  {"10.1.1.1"},			 {"10.1.1.2"},		       0},
	{"host IPv6, service IPv4",					       0x0525, 0xa4a2, NULL,	  AUTO,	"fe80::2",	   STATIC,  "10.1.1.1",      24,
		NULL,																					    NULL,		    PLAN_FROM_SMBIOS,  {"10.1.1.1"},		    {"10.1.1.2"},			  0},
};

static void check_candidates(const struct address_row *row, const struct plan *plan)
{
	unsigned int n = 0;

	while (n < 2 && row->bmc[n])
		n++;
	assert_int_equal(plan->n_bmc_ipv4, n);
	assert_int_equal(plan->host_ipv4_own, n > 0);
	for (unsigned int i = 0; i < n; i++) {
		char text[INET_ADDRSTRLEN];

		inet_ntop(AF_INET, &plan->bmc_ipv4[i], text, sizeof(text));
		assert_string_equal(text, row->bmc[i]);
		inet_ntop(AF_INET, &plan->host_ipv4[i], text, sizeof(text));
		assert_string_equal(text, row->own[i]);
	}
}

static void test_ipv4(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(address_rows); i++) {
		const struct address_row *row = &address_rows[i];
		struct settings settings = make_settings();
		struct smbios42 record = {.device = SMBIOS42_USB_V1,
			.vendor = row->vendor,
			.product = row->product,
			.has_redfish = true};
		struct plan_nic nic = USB(5, "bmc0", row->vendor, row->product);
		struct plan_facts facts = {&settings, &record, 1, &nic, 1};
		struct plan plan;

		print_message("%s\n", row->name);
		if (row->sample) {
			load_sample(row->sample, &record);
		} else {
			record.host = make_address(row->host_assign, row->host, row->prefix);
			record.service =
				make_address(row->service_assign, row->service, row->prefix);
		}
		settings.host_ipv4 = ip4(row->config_host);
		settings.bmc_ipv4 = ip4(row->config_bmc);
		plan_make(&facts, &plan);
		assert_true(plan.found);
		assert_ptr_equal(plan.record, &record);
		assert_int_equal(plan.ipv4_source, row->source);
		assert_int_equal(plan.refused, row->refused);
		check_candidates(row, &plan);
	}
}

static void test_ipv6(void **state)
{
	static const struct {
		const char *name;
		const char *host[2], *service[2]; /* of up to two records */
		const char *config_host, *config_bmc;
		enum plan_source source;
		const char *bmc, *own; /* NULL: none */
	} rows[] = {
		{"nothing known",					{NULL},			  {NULL},				  NULL,		NULL,	      PLAN_FROM_NONE,   NULL,			    NULL			},
		{"IPv4 only",					    {NULL},		      {"10.0.0.1"},			    NULL,	  NULL,		PLAN_FROM_NONE,	NULL,		      NULL			  },
		{"link-local",					   {"fe80::2"},		    {"fe80::1"},				 NULL,	       NULL,	     PLAN_FROM_SMBIOS, "fe80::1",
			NULL																											   },
		{"ULA",						  {NULL},			{"fde1:53ba:e9a0:de11::1"},	    NULL,	  NULL,		PLAN_FROM_SMBIOS,
			"fde1:53ba:e9a0:de11::1",																					     "fde1:53ba:e9a0:de11::2" },
		{"ULA with a host address",				    {"fde1:53ba:e9a0:de11::99"}, {"fde1:53ba:e9a0:de11::1"},
			NULL,																      NULL,	    PLAN_FROM_SMBIOS, "fde1:53ba:e9a0:de11::1",
			"fde1:53ba:e9a0:de11::99"																								      },
		{"ULA, host address of another network",		 {"fde1:53ba:e9a0:dead::99"},
			{"fde1:53ba:e9a0:de11::ff"},												NULL,	   NULL,		 PLAN_FROM_SMBIOS,
			"fde1:53ba:e9a0:de11::ff",																					    "fde1:53ba:e9a0:de11::fe"},
		{"ULA and link-local: the second needs nothing of ours", {NULL},
			{"fde1:53ba:e9a0:de11::1", "fe80::1"},										      NULL,	     NULL,	   PLAN_FROM_SMBIOS,
			"fe80::1",																							    NULL		       },
		{"link-local and ULA",				       {NULL},		       {"fe80::1", "fde1:53ba:e9a0:de11::1"}, NULL,	    NULL,
			PLAN_FROM_SMBIOS,																			   "fe80::1",		     NULL			 },
		{"IPv4 record and IPv6 record",				{"10.0.0.2"},		      {"10.0.0.1", "fe80::1"},	       NULL,	     NULL,
			PLAN_FROM_SMBIOS,																			   "fe80::1",		     NULL			 },
		{"configured",					   {NULL},		       {"fe80::1"},			    NULL,	  "fd00::1",     PLAN_FROM_CONFIG, "fd00::1",
			"fd00::2"																										      },
		{"both configured",				      {NULL},			    {"fe80::1"},				 "2001:db8::7", "2001:db8::1",
			PLAN_FROM_CONFIG,																			   "2001:db8::1",		 "2001:db8::7"	      },
		{"host configured, BMC link-local",			    {NULL},			    {"fe80::1"},				 "fd00::7",	    NULL,
			PLAN_FROM_SMBIOS,																			   "fe80::1",		     "fd00::7"		      },
		{"a global address in type 42",				{NULL},			{"2001:4860:4860::8888"},		  NULL,		NULL,
			PLAN_FROM_NONE,																			     NULL,		      NULL			  },
		{"multicast",					    {NULL},		      {"ff02::1"},			   NULL,		 NULL,	       PLAN_FROM_NONE,   NULL,		     NULL			 },
		{"loopback",					     {NULL},			     {"::1"},				      NULL,	    NULL,	  PLAN_FROM_NONE,	  NULL,			NULL			    },
		{"IPv4 mapped",					  {NULL},			{"::ffff:8.8.8.8"},		    NULL,	  NULL,		PLAN_FROM_NONE,	NULL,		      NULL			  },
		{"a cloud's metadata service",			       {NULL},		       {"fd00:ec2::254"},			  NULL,		NULL,
			PLAN_FROM_NONE,																			     NULL,		      NULL			  },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct settings settings = make_settings();
		struct smbios42 records[2] = {
			{.device = SMBIOS42_USB_V1, .vendor = 1, .product = 2, .has_redfish = true},
			{.device = SMBIOS42_USB_V1,
				.vendor = 1,
				.product = 2,
				.has_redfish = true						      }
		    };
		struct plan_nic nic = USB(5, "bmc0", 1, 2);
		struct plan_facts facts = {&settings, records, 1, &nic, 1};
		char text[INET6_ADDRSTRLEN];
		struct plan plan;

		print_message("%s\n", rows[i].name);
		for (size_t k = 0; k < 2 && rows[i].service[k]; k++) {
			records[k].host = make_address(AUTO, rows[i].host[k], 64);
			records[k].service = make_address(STATIC, rows[i].service[k], 64);
			facts.n_records = k + 1;
		}
		if (rows[i].config_host)
			inet_pton(AF_INET6, rows[i].config_host, &settings.host_ipv6);
		if (rows[i].config_bmc)
			inet_pton(AF_INET6, rows[i].config_bmc, &settings.bmc_ipv6);
		plan_make(&facts, &plan);
		assert_int_equal(plan.ipv6_source, rows[i].source);
		assert_int_equal(plan.has_bmc_ipv6, rows[i].bmc != NULL);
		assert_int_equal(plan.has_host_ipv6, rows[i].own != NULL);
		if (rows[i].bmc)
			assert_string_equal(inet_ntop(AF_INET6, &plan.bmc_ipv6, text, sizeof(text)),
				rows[i].bmc);
		if (!rows[i].own)
			continue;
		assert_string_equal(
			inet_ntop(AF_INET6, &plan.host_ipv6, text, sizeof(text)), rows[i].own);
		assert_int_equal(plan.host_ipv6_prefix, 64);
	}
}

/* One record for IPv4, one for IPv6, one NIC: both are used. */
static void test_two_records(void **state)
{
	struct settings settings = make_settings();
	struct smbios42 records[2] = {
		{.device = SMBIOS42_USB_V1, .vendor = 1, .product = 2, .has_redfish = true},
		{ .device = SMBIOS42_USB_V1,
			.vendor = 1,
			.product = 2,
			.has_redfish = true,
			.port = 8443,
			.hostname = "bmc"}
	  };
	struct plan_nic nic = USB(5, "bmc0", 1, 2);
	struct plan_facts facts = {&settings, records, 2, &nic, 1};
	struct plan plan;

	records[0].service = make_address(STATIC, "fe80::1", 64);
	records[1].service = make_address(STATIC, "10.0.0.1", 24);
	plan_make(&facts, &plan);
	assert_int_equal(plan.n_bmc_ipv4, 1);
	assert_true(plan.has_bmc_ipv6);
	assert_int_equal(plan.port, 8443);
	assert_string_equal(plan.hostname, "bmc");
	assert_int_equal(plan.records_used, 3);

	records[0].service = make_address(STATIC, "10.0.0.9", 24);
	plan_make(&facts, &plan); /* two services: an ARP probe tells */
	assert_int_equal(plan.n_bmc_ipv4, 2);
	assert_int_equal(plan.host_ipv4[0].s_addr, ip4("10.0.0.10").s_addr);
	assert_int_equal(plan.host_ipv4[1].s_addr, ip4("10.0.0.2").s_addr);
}

static void test_ports(void **state)
{
	static const struct {
		long port, plain_port;
		uint16_t record, wanted, wanted_plain;
	} rows[] = {
		{0,    0,    0,	  443,  80	 },
		{0,    0,    8443, 8443, 80  },
		{4443, 0,	  8443, 4443, 80	},
		{0,    8080, 0,    443,  8080},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct settings settings = make_settings();
		struct smbios42 record = {.device = SMBIOS42_USB_V1,
			.vendor = 1,
			.product = 2,
			.has_redfish = true,
			.port = rows[i].record};
		struct plan_nic nic = USB(5, "bmc0", 1, 2);
		struct plan_facts facts = {&settings, &record, 1, &nic, 1};
		struct plan plan;

		settings.port = rows[i].port;
		settings.plain_port = rows[i].plain_port;
		plan_make(&facts, &plan);
		assert_int_equal(plan.port, rows[i].wanted);
		assert_int_equal(plan.plain_port, rows[i].wanted_plain);
	}
}

static void test_configure_never(void **state)
{
	struct settings settings = make_settings();
	struct plan_nic nic = USB(5, "bmc0", 0x413c, 0xa102);
	struct plan_facts facts = {&settings, NULL, 0, &nic, 1};
	struct plan plan;

	settings.configure = CONFIGURE_NEVER;
	plan_make(&facts, &plan);
	assert_int_equal(plan.n_bmc_ipv4, 2);
	assert_false(plan.host_ipv4_own);
}

/* A PCI NIC whose ids happen to be those of a USB NIC gets none of its vendor's defaults. */
static void test_vendor_defaults_are_for_usb(void **state)
{
	struct settings settings = make_settings();
	struct smbios42 record = {.device = SMBIOS42_PCI_V1,
		.vendor = 0x03f0,
		.product = 0x2927,
		.has_redfish = true};
	struct plan_nic nic = PCI(5, "eno1", 0x03f0, 0x2927);
	struct plan_facts facts = {&settings, &record, 1, &nic, 1};
	struct plan plan;

	record.service = make_address(STATIC, "16.1.15.1", 30);
	plan_make(&facts, &plan);
	assert_int_equal(plan.ipv4_source, PLAN_FROM_DEFAULT);
	assert_int_equal(plan.refused, 1);
}

static void test_json(void **state)
{
	struct settings settings = make_settings();
	struct smbios42 records[2] = {{0}};
	struct plan_nic nics[2] = {USB(9, "idrac", 0x413c, 0xa102), OTHER(1, "lo")};
	struct plan_facts facts = {&settings, records, 2, nics, 2};
	json_t *json, *plan_json, *candidate;
	struct plan plan;

	load_sample("dell_r740", &records[0]);
	memcpy(nics[1].name, "\xff\x1b[31m", 6); /* the kernel takes such a name */
	plan_make(&facts, &plan);
	json = plan_to_json(&facts, &plan);
	assert_non_null(json);
	assert_int_equal(json_array_size(json_object_get(json, "records")), 2);
	assert_int_equal(json_array_size(json_object_get(json, "nics")), 2);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(json, "nics"), 1), "name")),
		"??[31m");
	plan_json = json_object_get(json, "plan");
	assert_string_equal(json_string_value(json_object_get(plan_json, "nic_source")), "smbios");
	candidate = json_array_get(
		json_object_get(json_object_get(plan_json, "ipv4"), "candidates"), 0);
	assert_string_equal(json_string_value(json_object_get(candidate, "bmc")), "169.254.2.2");
	assert_string_equal(json_string_value(json_object_get(candidate, "host")), "169.254.2.3");
	json_decref(json);

	facts.n_nics = 0;
	plan_make(&facts, &plan);
	json = plan_to_json(&facts, &plan);
	assert_non_null(json);
	assert_true(json_is_false(json_object_get(json_object_get(json, "plan"), "found")));
	json_decref(json);
}

static void test_parse_ids(void **state)
{
	static const char *const bad[] = {"", "auto", "usb:", "usb:413c", "usb:413c:a10",
		"usb:413c:a1022", "usb:413g:a102", "usb: 13c:a102", "usb:-13c:a102",
		"USB:413c:a102", "usb:413c-a102"};
	uint16_t vendor = 1, product = 2;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(nic_ids_parse(bad[i], &vendor, &product), -EINVAL);
	assert_int_equal(vendor, 1);
	assert_int_equal(nic_ids_parse("usb:413C:a102", &vendor, &product), 0);
	assert_int_equal(vendor, 0x413c);
	assert_int_equal(product, 0xa102);
}

/* What is in use stays: a better match may show up, and the NIC may get another name. */
static void test_claimed_nic_stays(void **state)
{
	struct settings settings = make_settings();
	const struct smbios42 record = R_USB_MAC(0x413c, 0xa102, 9);
	const struct plan_nic nics[] = {USB(3, "a0", 0x413c, 0xa102), USB(9, "b0", 0x413c, 0xa102)};
	struct plan_facts facts = {.settings = &settings,
		.records = &record,
		.n_records = 1,
		.nics = nics,
		.n_nics = 2};
	struct plan plan;

	plan_make(&facts, &plan);
	assert_int_equal(plan.nic.ifindex, 9);
	facts.claimed = 3;
	facts.claimed_source = PLAN_FROM_SMBIOS;
	plan_make(&facts, &plan);
	assert_true(plan.found);
	assert_int_equal(plan.nic.ifindex, 3);
	facts.claimed = 4; /* gone */
	plan_make(&facts, &plan);
	assert_int_equal(plan.nic.ifindex, 9);
	strcpy(settings.interface, "old0");
	plan_make(&facts, &plan);
	assert_false(plan.found);
	facts.claimed = 9;
	facts.claimed_source = PLAN_FROM_CONFIG;
	plan_make(&facts, &plan);
	assert_true(plan.found);
	assert_string_equal(plan.nic.name, "b0");
	assert_string_equal(plan.why_not, "");
	assert_int_equal(plan.nic_source, PLAN_FROM_CONFIG);
	assert_int_equal(plan.n_bmc_ipv4, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nic),
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_two_records),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_configure_never),
		cmocka_unit_test(test_vendor_defaults_are_for_usb),
		cmocka_unit_test(test_claimed_nic_stays),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_parse_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
