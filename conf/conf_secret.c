// Passwords and keys of sessions: they stand in files of their own.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/conf_int.h"

enum { SECRET_MAX = 80 }; // TCP_MD5SIG_MAXKEYLEN, TCP_AO_MAXKEYLEN

// The file's first line; NULL and why.
static const char *secret_problem(char *text, ssize_t n)
{
	if (n < 0)
		return strerror(errno);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n == 0)
		return "it is empty";
	if (n > SECRET_MAX)
		return "it holds more than 80 bytes";
	if (memchr(text, '\0', (size_t)n) || memchr(text, '\n', (size_t)n))
		return "it holds more than one line of text";
	text[n] = '\0';
	return NULL;
}

static const char *file_problem(int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is no regular file";
	if (st.st_mode & S_IRWXO)
		return "others may use it; expected mode 0640 or stricter";
	return NULL;
}

char *conf_read_secret(struct checker *k, const struct secret_file *f)
{
	char text[SECRET_MAX + 3];
	char *secret = NULL;

	conf_check_path(k, f->key, f->path, f->at);
	if (f->path[0] != '/')
		return NULL;
	// A pipe or a device must not make the daemon wait.
	own(close_fd) int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *problem = file_problem(fd);
	if (!problem)
		problem = secret_problem(text, read(fd, text, sizeof(text) - 1));
	if (problem)
		REFUSE(k, f->at, NULL, "%s %s of %s `%s` is refused: %s", f->what, f->path, f->kind,
			f->name, problem);
	else
		secret = arena_strdup(k->c->arena, text);
	explicit_bzero(text, sizeof(text));
	return secret;
}

// RFC 5925 section 3.1: no two keys of a connection may have the same IDs.
static void check_ids(
	struct checker *k, const struct conf_upstream *u, const struct conf_ao_key *key)
{
	items_for_each(const struct conf_ao_key, other, u->ao_keys)
	{
		if (other == key)
			return;
		bool sends = other->id == key->id;
		if (sends || other->receive_id == key->receive_id)
			REFUSE(k, key->place, NULL, "two keys of %s `%s` have the same %s-id %lu",
				conf_kind_of(u), u->name, sends ? "send" : "receive",
				sends ? key->id : key->receive_id);
	}
}

static void read_ao_keys(struct checker *k, struct conf_upstream *u)
{
	items_for_each(struct conf_ao_key, key, u->ao_keys)
	{
		const struct secret_file f = {
			.key = "key-file",
			.what = "key file",
			.kind = conf_kind_of(u),
			.name = u->name,
			.path = key->key_file,
			.at = conf_place(&key->keys, "key-file", key->place),
		};
		if (!key->has_receive_id)
			key->receive_id = key->id;
		check_ids(k, u, key);
		key->secret = conf_read_secret(k, &f);
	}
}

void conf_read_secrets(struct checker *k, struct conf_upstream *u)
{
	const struct secret_file f = {
		.key = "password-file",
		.what = "password file",
		.kind = conf_kind_of(u),
		.name = u->name,
		.path = u->password_file,
		.at = conf_place(&u->keys, "password-file", u->place),
	};

	if (u->password_file && u->ao_keys.count)
		REFUSE(k, f.at, "expected one of the two", "%s `%s` has both TCP-MD5 and TCP-AO",
			conf_kind_of(u), u->name);
	if (u->password_file)
		u->password = conf_read_secret(k, &f);
	read_ao_keys(k, u);
}
