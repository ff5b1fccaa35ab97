#include "settings.hpp"

#include "identity.hpp"
#include "postrider/path.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace postrider::line {

namespace {

// A message sent ahead is an RSET, a MAIL, a BDAT and its recipients, of which there is usually one. The
// engine's own bound is for one message at a time.
constexpr unsigned replies_of_window = 8;
constexpr unsigned most_outstanding = 4096;

unsigned widest(const client_options& o) {
    return o.window == automatic_window ? widest_automatic_window : o.window;
}

} // namespace

settings::settings(client_options given) : options(std::move(given)), mask(options.credentials) {
    check_client_name();
    check_host();
    site = site_of(options.server);
    check_tls();
}

session_config settings::config() const {
    session_config c;
    c.client_name = client_name;
    c.timeouts = options.timeouts;
    c.protocol = options.server.protocol;
    c.tls = options.server.tls;
    c.allow_auth_in_clear = options.allow_auth_in_clear;
    c.try_unlisted_mechanism = options.try_unlisted_mechanism;
    c.initial_response = options.initial_response;
    c.use_pipelining = options.use_pipelining;
    c.use_chunking = options.use_chunking;
    c.await_quit_reply = options.await_quit_reply;
    c.window = std::numeric_limits<std::uint16_t>::max(); // how many really are is decided from case to case
    const unsigned replies = std::min(most_outstanding, replies_of_window * widest(options));
    c.max_outstanding = std::max(c.max_outstanding, static_cast<std::uint16_t>(replies));
    return c;
}

void settings::misconfigured(std::string why) {
    misconfiguration = misconfiguration.empty() ? std::move(why) : misconfiguration;
}

void settings::check_client_name() {
    client_name = options.client_name;
    if (is_domain_or_literal(client_name)) {
        return;
    }
    const result<host_name> name = parse_host(client_name);
    if (!name || name->is_address) {
        misconfigured("not a domain or an address literal to say in EHLO: " + client_name);
    } else {
        client_name = name->text;
    }
}

void settings::check_host() {
    const server& s = options.server;
    if (s.host.empty() && !s.unix_path.empty()) {
        return;
    }
    const result<host_name> parsed = parse_host(s.host);
    if (!parsed) {
        misconfigured(s.host.empty() ? "no server was named" : "not a host name or an IP address: " + s.host);
        return;
    }
    host = *parsed;
}

void settings::check_tls() {
    const server& s = options.server;
    if (s.tls == tls_policy::none || !misconfiguration.empty()) {
        return;
    }
    host_name name = host;
    if (!options.tls.name.empty()) {
        const result<host_name> wanted = parse_host(options.tls.name);
        if (!wanted) {
            misconfigured("not a host name or an IP address to look for in the certificate: " +
                          options.tls.name);
            return;
        }
        name = *wanted;
    }
    std::string why;
    tls =
        tls_context::create(options.tls, name, identity_of(options), s.tls != tls_policy::opportunistic, why);
    if (!tls) {
        misconfigured(std::move(why));
    }
}

} // namespace postrider::line
