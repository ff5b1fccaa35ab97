// domain.cpp - domains as DNS knows them (RFC 5891). Apart from address.cpp, so that a program which sends
// finished messages is not linked with GMime.
#include "address.hpp"
#include "postrider/path.hpp"

#include <algorithm>
#include <clocale>
#include <cwchar>
#include <cwctype>
#include <idn2.h>
#include <locale.h>
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

/// The calling thread's locale is one that knows UTF-8 and nobody's language, as long as this lives.
class neutral_locale {
  public:
    neutral_locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", locale_t{})) {
        before_ = is_there() ? ::uselocale(locale_) : locale_t{};
    }
    neutral_locale(const neutral_locale&) = delete;
    neutral_locale& operator=(const neutral_locale&) = delete;
    ~neutral_locale() {
        if (is_there()) {
            ::uselocale(before_);
            ::freelocale(locale_);
        }
    }
    bool is_there() const { return locale_ != locale_t{}; }

  private:
    locale_t locale_;
    locale_t before_;
};

/// The one mapping people rely on (RFC 5895 2.1), the same in every locale. Empty for what is not UTF-8.
std::string in_lower_case(const std::string& domain) {
    const neutral_locale here;
    std::wstring wide(domain.size(), L'\0');
    std::mbstate_t state{};
    const char* at = domain.c_str();
    const std::size_t count = std::mbsrtowcs(wide.data(), &at, wide.size(), &state);
    if (!here.is_there() || count == static_cast<std::size_t>(-1)) {
        return "";
    }
    wide.resize(count);
    std::transform(wide.begin(), wide.end(), wide.begin(),
                   [](wchar_t c) { return static_cast<wchar_t>(std::towlower(static_cast<wint_t>(c))); });
    std::string lower(4 * count, '\0'); // the most that a character needs (RFC 3629 3)
    const wchar_t* from = wide.c_str();
    const std::size_t size = std::wcsrtombs(lower.data(), &from, lower.size(), &state);
    lower.resize(size == static_cast<std::size_t>(-1) ? 0 : size);
    return lower;
}

} // namespace

std::string ascii_domain(std::string_view domain) {
    if (domain.empty() || domain.front() == '[' || !needs_idna(domain)) {
        return std::string(domain);
    }
    const std::string lower = in_lower_case(std::string(domain));
    if (lower.empty()) {
        return "";
    }
    char* out = nullptr;
    // Without UTS #46: its mapping would make ASCII of full-width letters, ideographic stops and their like,
    // and so one domain of another. IDNA2008 alone refuses them.
    const int rc =
        ::idn2_to_ascii_8z(lower.c_str(), &out, IDN2_NO_TR46 | IDN2_NFC_INPUT | IDN2_ALABEL_ROUNDTRIP);
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
