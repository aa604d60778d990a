/* SPDX-License-Identifier: Apache-2.0 */
/* Which log is found, its newest entries, its records, and the cursor's file. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/state.h"
#include "base/text.h"
#include "base/util.h"
#include "host/link/logfind.h"
#include "host/link/logrecord.h"
#include "host/link/logstore.h"
#include "host/link/logtail.h"

struct answer { /* of a BMC; a path that is not in its list is 404 */
	const char *path, *json;
	int status; /* 0: 200 */
};

static unsigned int asked;

static void find(struct log_find *find, const char *systems, const struct answer *answers, size_t n)
{
	const char *path = log_find_begin(find, "/m", systems);

	for (asked = 0; path; asked++) {
		int status = 404;
		json_t *body = NULL;

		assert_true(asked < 50);
		for (size_t i = 0; i < n; i++) {
			if (strcmp(answers[i].path, path) != 0)
				continue;
			status = answers[i].status ? answers[i].status : 200;
			body = json_loads(answers[i].json, 0, NULL);
		}
		path = log_find_take(find, status == -1 ? 0 : status, body);
		json_decref(body);
	}
}

#define MANAGER	 "{\"LogServices\": {\"@odata.id\": \"/m/logs\"}}"
#define SERVICE	 "{\"Entries\": {\"@odata.id\": \"/e\"}}"
#define LINK(p)	 "{\"@odata.id\": \"" p "\"}"
#define LIST(ms) "{\"Members\": [" ms "]}"

/* The manager's Lifecycle log is asked for at once; nobody asks for the system's. */
static void test_lifecycle_log(void **state)
{
	static const struct answer answers[] = {
		{"/m",	       MANAGER,						  0},
		{"/m/logs",	    LIST(LINK("/m/logs/Sel") "," LINK("/m/logs/Lclog/") ","), 0},
		{"/m/logs/Lclog/", SERVICE,						  0}
	      };
	static const struct answer good[] = {
		{"/m",	       MANAGER,					      0},
		{"/m/logs",	    LIST(LINK("/m/logs/Sel") "," LINK("/m/logs/Lclog/")), 0},
		{"/m/logs/Lclog/", SERVICE,					      0}
	      };
	struct log_find f;

	find(&f, "/s", good, ARRAY_SIZE(good));
	assert_string_equal(f.service, "/m/logs/Lclog/");
	assert_string_equal(f.entries, "/e");
	assert_int_equal(asked, 3);
	find(&f, "", answers, ARRAY_SIZE(answers)); /* a list that is no JSON */
	assert_string_equal(f.entries, "");
}

/* By ManagerForServers, else by the ServiceRoot's systems; the better one first. */
static void test_log_of_the_system(void **state)
{
	static const struct answer answers[] = {
		{"/m",
			"{\"LogServices\": {\"@odata.id\": \"/m/logs\"}, \"Links\": "
			"{\"ManagerForServers\": [{\"@odata.id\": \"/s/1\"}]}}",		0},
		{"/m/logs",	    LIST(LINK("/m/logs/Journal") "," LINK("/m/logs/IEL")), 0},
		{"/s/1",		 "{\"LogServices\": {\"@odata.id\": \"/s/1/logs\"}}",   0},
		{"/s/1/logs",     LIST(LINK("/s/1/logs/SL") "," LINK("/s/1/logs/IML")),  0},
		{"/s/1/logs/IML", SERVICE,					       0}
	     };
	static const struct answer by_root[] = {
		{"/m",		       "{}",						0},
		 {"/s",			LIST(LINK("/s/2")),				    0},
		{"/s/2",		 "{\"LogServices\": {\"@odata.id\": \"/s/2/logs\"}}", 0},
		{"/s/2/logs",	      LIST(LINK("/s/2/logs/EventLog")),			0},
		{"/s/2/logs/EventLog", SERVICE,						0}
	  };
	struct log_find f;

	find(&f, "/s", answers, ARRAY_SIZE(answers));
	assert_string_equal(f.service, "/s/1/logs/IML");
	find(&f, "/s", by_root, ARRAY_SIZE(by_root));
	assert_string_equal(f.service, "/s/2/logs/EventLog");
	find(&f, "", by_root, ARRAY_SIZE(by_root));
	assert_string_equal(f.entries, "");
	assert_string_equal(f.reason, "neither its manager nor its system names a log service");
}

/* What is switched off, may not be read, or has no entries: the next one. */
static void test_next_best(void **state)
{
	static const struct answer answers[] = {
		{"/m",	       MANAGER,							     0	 },
		{"/m/logs",
			LIST(LINK("/l/Odd") "," LINK("/l/SEL") "," LINK("/l/Lclog") "," LINK(
				"/l/EventLog") "," LINK("/l/Dump")),
			0										      },
		{"/l/Lclog",    SERVICE,							     403},
		{"/l/EventLog", "{\"ServiceEnabled\": false, \"Entries\": {\"@odata.id\": \"/x\"}}",
			0										      },
		{"/l/SEL",	   "{\"Entries\": {\"@odata.id\": \"https://elsewhere/e\"}}",	      0  },
		{"/l/Odd",	   SERVICE,							     0  }
	      };
	struct log_find f;

	find(&f, "", answers, ARRAY_SIZE(answers));
	assert_string_equal(f.service, "/l/Odd");
	find(&f, "", answers, ARRAY_SIZE(answers) - 1);
	assert_string_equal(f.entries, "");
	assert_string_equal(f.reason, "none of its log services has entries that may be read");
}

static void test_bounds(void **state)
{
	static const struct answer lost[] = {
		{"/m", "{}", -1}
	};
	json_t *members = json_array(), *body = json_object();
	char path[32];
	struct log_find f;

	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "/l/%d", i);
		json_array_append_new(members, json_pack("{s:s}", "@odata.id", path));
	}
	json_object_set_new(body, "Members", members);
	char *text = json_dumps(body, 0);
	struct answer answers[] = {
		{"/m",      MANAGER, 0},
		    {"/m/logs", text,    0}
	};

	find(&f, "", answers, 2);
	assert_int_equal(f.n_candidates, LOG_FIND_MAX);
	assert_int_equal(f.tried, LOG_FIND_MAX_TRIES);
	free(text);
	json_decref(body);
	find(&f, "", lost, 1);
	assert_true(f.lost);
	assert_null(log_find_begin(&f, "", ""));
	assert_int_equal(log_find_rank("/a/LCLOG"), 1);
	assert_int_equal(log_find_rank("/a/Dump/"), 0);
	assert_true(log_find_rank("/") > 1 && log_find_rank("") > 1);
}

/* --- the newest entries --- */

struct log { /* 1..last in pages by $skip */
	unsigned int last, page, asked;
	bool newest_first, no_skip, broken_jump;
};

static json_t *get_page(struct log *log, const char *path)
{
	unsigned int skip = 0;
	json_t *members = json_array(), *page;
	char link[64], id[16];

	log->asked++;
	if (strchr(path, '?'))
		assert_int_equal(sscanf(path, "/e?%*[^=]=%u", &skip), 1);
	if (log->broken_jump && skip % log->page) {
		json_decref(members);
		return NULL;
	}
	for (unsigned int i = skip; i < log->last && i < skip + log->page; i++) {
		snprintf(id, sizeof(id), "%u", log->newest_first ? log->last - i : i + 1);
		json_array_append_new(members, json_pack("{s:s}", "Id", id));
	}
	page = json_pack("{s:o, s:i}", "Members", members, "Members@odata.count", (int)log->last);
	snprintf(link, sizeof(link), "/e?%s=%u", log->no_skip ? "page" : "$skip", skip + log->page);
	if (skip + log->page < log->last)
		json_object_set_new(page, "Members@odata.nextLink", json_string(link));
	return page;
}

static void assert_tail(struct log log, size_t wanted, unsigned int first, unsigned int asked_for,
	bool top_skip, bool partial)
{
	struct log_tail tail;
	const char *path = log_tail_begin(&tail, "/e", wanted, top_skip);
	json_t *list;

	while (path) {
		json_t *page = get_page(&log, path);

		path = log_tail_take(&tail, page);
		json_decref(page);
	}
	assert_int_equal(tail.partial, partial);
	list = log_tail_end(&tail);
	assert_non_null(list);
	for (size_t i = 0; !partial && i < json_array_size(list); i++)
		assert_int_equal(atoi(log_entry_get_id(json_array_get(list, i))), first + i);
	if (!partial && json_array_size(list) > 0)
		assert_int_equal(first + json_array_size(list) - 1, log.last);
	json_decref(list);
	assert_int_equal(log.asked, asked_for);
}

static void test_tail(void **state)
{
	const struct log newest_first = {.last = 5000, .page = 50, .newest_first = true};
	const struct log oldest_first = {.last = 100000, .page = 100};

	assert_tail(newest_first, 20, 4981, 1, false, false);
	assert_tail(newest_first, 120, 4881, 3, false, false);
	assert_tail(oldest_first, 20, 99981, 2, false, false); /* by $skip, as its link has it */
	assert_tail(oldest_first, 250, 99751, 4, false, false);
	assert_tail((struct log){.last = 3, .page = 50}, 20, 1, 1, false, false);
	assert_tail((struct log){.last = 0, .page = 50}, 20, 1, 1, false, false);
	/* Without a short cut: page by page, so far and no further. */
	assert_tail(
		(struct log){.last = 300, .page = 100, .no_skip = true}, 20, 281, 3, false, false);
	assert_tail((struct log){.last = 100000, .page = 100, .no_skip = true}, 20, 0,
		LOG_TAIL_MAX_PAGES, false, true);
	assert_tail((struct log){.last = 100000, .page = 100, .no_skip = true}, 20, 99981, 2, true,
		false);
	/* A short cut that leads nowhere costs one question. */
	assert_tail((struct log){.last = 350, .page = 100, .broken_jump = true}, 20, 331, 5, false,
		false);
}

static void test_jump(void **state)
{
	static const struct {
		const char *page;
		bool top_skip;
		const char *path; /* NULL: none */
	} rows[] = {
		{"{\"Members\": [{}], \"Members@odata.count\": 90, \"Members@odata.nextLink\": "
		 "\"/e?$skip=1&a=b\"}",			 false, "/e?$skip=82&a=b"	},
		{"{\"Members\": [{}], \"Members@odata.count\": 90, \"Members@odata.nextLink\": "
		 "\"/e?a=b&%24skip=1\"}",			false, "/e?a=b&%24skip=82"},
		{"{\"Members\": [{}], \"Members@odata.count\": 90, \"Members@odata.nextLink\": "
		 "\"/e?x$skip=1\"}",			    false, NULL		   },
		{"{\"Members\": [{}], \"Members@odata.count\": 90, \"Members@odata.nextLink\": "
		 "\"/e/p2\"}",				  true,  "/e?$skip=82"	   },
		{"{\"Members\": [{}], \"Members@odata.count\": 8, \"Members@odata.nextLink\": "
		 "\"/e?$skip=1\"}",			     true,  NULL		  },
		{"{\"Members\": [{}], \"Members@odata.count\": -5, \"Members@odata.nextLink\": "
		 "\"/e?$skip=1\"}",			     true,  NULL		  },
		{"{\"Members\": [{}], \"Members@odata.count\": 99999999999999, "
		 "\"Members@odata.nextLink\": \"/e?$skip=1\"}", true,  NULL		  },
		{"{\"Members\": [{}], \"Members@odata.count\": \"90\", "
		 "\"Members@odata.nextLink\": \"/e?$skip=1\"}", true,  NULL		  },
		{"{\"Members\": [{}], \"Members@odata.count\": 90}",	     true,  NULL	       },
		{"[]",							   true,  NULL		 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *page = json_loads(rows[i].page, 0, NULL);
		char path[64] = "untouched";
		int r = log_page_jump(page, "/e", rows[i].top_skip, 8, path, sizeof(path));

		assert_int_equal(r, rows[i].path ? 0 : -ENOENT);
		if (rows[i].path)
			assert_string_equal(path, rows[i].path);
		json_decref(page);
	}
}

static void test_times(void **state)
{
	assert_false(log_time_differs("2026-11-22T12:00:00Z", "2026-11-22T06:00:00-06:00"));
	assert_false(log_time_differs("2026-11-22T12:00:00.123Z", "2026-11-22T12:00:00Z"));
	assert_true(log_time_differs("2026-11-22T12:00:00Z", "2026-11-22T12:00:01Z"));
	assert_true(log_time_differs("2026-11-22T12:00:00+01:00", "2026-11-22T12:00:00Z"));
	assert_false(log_time_differs("", "2026-11-22T12:00:00Z")); /* not known */
	assert_false(log_time_differs("yesterday", "today"));
	assert_false(log_time_differs("2026-11-22T12:00:00*01:00", "2026-11-22T12:00:00Z"));
}

/* --- records --- */

static void test_record(void **state)
{
	json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:{s:{s:i}}}", "Id", "7\n", "Message",
		"a\x1b[31mb", "Severity", "Critical and more than sixteen", "MessageId", "33.1",
		"Oem", "Hpe", "Count", 4);
	struct log_record record;
	json_t *json;

	log_record_read(entry, &record);
	assert_string_equal(record.id, "7?");
	assert_string_equal(record.message, "a?[31mb");
	assert_true(text_is_printable(record.severity, sizeof(record.severity)));
	assert_string_equal(record.created, "");
	assert_int_equal(record.repeated, 4);
	json = log_record_to_json(&record);
	assert_true(json_is_null(json_object_get(json, "created")));
	assert_int_equal(json_integer_value(json_object_get(json, "repeated")), 4);
	json_decref(json);
	json_decref(entry);
	log_record_read(NULL, &record);
	json = log_record_to_json(&record);
	assert_true(json_is_null(json_object_get(json, "message")));
	json_decref(json);
}

/* --- the file --- */

static void test_store(void **state)
{
	char dir[] = "/tmp/test-logstore-XXXXXX", path[64];
	struct log_store store = {.bmc = "uuid", .service = "/l"}, loaded;
	struct log_cursor cursor = {
		.entries = "/e",
		.last = "9",
		.created = "2026-11-22T12:00:00Z",
		.resume = "/e?$skip=8",
		.begun = true,
		.order = LOG_ORDER_OLDEST_FIRST,
		.recent = {{"9", "2026-11-22T12:00:00Z"}, {"8", ""}},
		.n_recent = 2
	     };
	struct log_cursor back;
	static const char *const broken[] = {"{}", "[]", "", "{\"format\": 2}",
		"{\"format\": 1, \"bmc\": \"\", \"service\": \"\", \"entries\": \"\", \"last\": "
		"\"\", \"created\": \"\", \"resume\": \"\", \"begun\": true, \"order\": 9, "
		"\"recent\": []}",
		"{\"format\": 1, \"bmc\": \"\", \"service\": \"\", \"entries\": \"\", \"last\": "
		"\"\", \"created\": \"\", \"resume\": \"\", \"begun\": true, \"order\": 1, "
		"\"recent\": [7]}"};
	int fd;

	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(log_store_load(fd, &loaded, &back), -ENOENT);
	assert_int_equal(log_store_save(fd, &store, &cursor), 0);
	assert_int_equal(log_store_load(fd, &loaded, &back), 0);
	assert_memory_equal(&loaded, &store, sizeof(store));
	assert_memory_equal(&back, &cursor, sizeof(cursor));
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		assert_int_equal(
			state_write_file(fd, LOG_STORE_FILE, broken[i], strlen(broken[i]), 0600),
			0);
		assert_int_equal(log_store_load(fd, &loaded, &back), -EBADMSG);
		assert_string_equal(back.last, "");
		assert_false(back.begun);
	}
	assert_int_equal(log_store_forget(fd), 0);
	assert_int_equal(log_store_load(fd, &loaded, &back), -ENOENT);
	close(fd);
	snprintf(path, sizeof(path), "%s", dir);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lifecycle_log),
		cmocka_unit_test(test_log_of_the_system),
		cmocka_unit_test(test_next_best),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_jump),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
