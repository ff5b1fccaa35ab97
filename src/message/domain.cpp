// domain.cpp - domains as DNS knows them (RFC 5891). Apart from address.cpp, so that a program which sends
// finished messages is not linked with GMime.
#include "address.hpp"
#include "postrider/path.hpp"

#include <algorithm>
#include <glib.h>
#include <idn2.h>
#include <utility>

namespace postrider {
namespace {

constexpr bool is_8bit(char c) noexcept {
    return static_cast<unsigned char>(c) >= 0x80;
}

/// A-labels are looked at, too: whoever shows them in Unicode must not be fooled by ours.
bool needs_idna(std::string_view domain) {
    constexpr std::string_view a_label = "xn--";
    const bool has_a_label =
        std::search(domain.begin(), domain.end(), a_label.begin(), a_label.end(), [](char c, char wanted) {
            return c == wanted || (c >= 'A' && c <= 'Z' && c - 'A' + 'a' == wanted);
        }) != domain.end();
    return has_a_label || std::any_of(domain.begin(), domain.end(), is_8bit);
}

/// The one mapping people rely on (RFC 5895 2.1), the same in every locale.
std::string in_lower_case(std::string_view domain) {
    std::string lower;
    const char* const end = domain.data() + domain.size();
    for (const char* at = domain.data(); at < end; at = g_utf8_next_char(at)) {
        char character[6];
        const gint size = g_unichar_to_utf8(g_unichar_tolower(g_utf8_get_char(at)), character);
        lower.append(character, static_cast<std::size_t>(size));
    }
    return lower;
}

} // namespace

std::string ascii_domain(std::string_view domain) {
    if (domain.empty() || domain.front() == '[' || !needs_idna(domain)) {
        return std::string(domain);
    }
    char* out = nullptr;
    // Without UTS #46: its mapping would make ASCII of full-width letters, ideographic stops and their like,
    // and so one domain of another. IDNA2008 alone refuses them.
    const int rc = ::idn2_to_ascii_8z(in_lower_case(domain).c_str(), &out,
                                      IDN2_NO_TR46 | IDN2_NFC_INPUT | IDN2_ALABEL_ROUNDTRIP);
    std::string found = rc == IDN2_OK && out != nullptr ? out : "";
    ::idn2_free(out);
    return found;
}

result<std::string> ascii_mailbox(std::string_view addr_spec) {
    const auto parsed = mailbox::parse(addr_spec);
    if (!parsed) {
        return parsed.error();
    }
    const std::string_view local = parsed->local_part();
    if (std::any_of(local.begin(), local.end(), is_8bit)) {
        return errc::needs_smtputf8;
    }
    const std::string domain = ascii_domain(parsed->domain());
    std::string whole = std::string(local) + "@" + domain;
    if (domain.empty()) {
        return errc::bad_address;
    }
    // A-labels are longer than what they stand for.
    const auto again = mailbox::parse(whole);
    return again ? result<std::string>(std::move(whole)) : again.error();
}

} // namespace postrider
