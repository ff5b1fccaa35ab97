// Mailboxes and paths: what is taken is printable, comes back as it was given, and ends where the bracket of
// its command will stand.
#include "postrider/path.hpp"

#include "expect.hpp"

#include <cstdint>
#include <string>

using namespace postrider;

// Where the path's closing bracket would be seen by a reader that honours quotes, and, if `anywhere`, a
// backslash outside them.
static std::size_t bracket(const std::string& line, bool anywhere) {
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\' && (quoted || anywhere)) {
            ++i;
        } else if (line[i] == '"') {
            quoted = !quoted;
        } else if (line[i] == '>' && !quoted) {
            return i;
        }
    }
    return line.size();
}

static void check(const mailbox& m, std::string_view given) {
    EXPECT(m.text() == given && !given.empty() && given.size() <= 254);
    EXPECT(m.local_part().size() <= given.size());
    for (const char c : m.text()) {
        const auto octet = static_cast<unsigned char>(c);
        EXPECT(octet >= 0x20 && octet != 0x7F);
        EXPECT(octet < 0x80 || m.is_utf8());
    }
    const std::string line = std::string{m.text()} + "> SIZE=1";
    EXPECT(bracket(line, false) == m.text().size());
    EXPECT(bracket(line, true) == m.text().size());
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const result<mailbox> m = mailbox::parse(text);
    if (m) {
        check(*m, text);
        EXPECT(std::string{m->local_part()} + "@" + std::string{m->domain()} == text);
        EXPECT(m->local_part().size() <= 64 && is_domain_or_literal(m->domain()));
    } else {
        EXPECT(m.error() == errc::bad_address || m.error() == errc::address_too_long);
    }
    const result<mailbox> lenient = mailbox::parse_lenient(text);
    EXPECT(!m || lenient);
    if (lenient) {
        check(*lenient, text.size() >= 2 && text.front() == '<' && text.back() == '>'
                            ? text.substr(1, size - 2)
                            : text);
    }
    EXPECT(reverse_path::parse(text).has_value() == (m.has_value() || text.empty() || text == "<>"));
    EXPECT(forward_path::parse(text).has_value() || !m);
    static_cast<void>(is_domain_or_literal(text));
    return 0;
}
