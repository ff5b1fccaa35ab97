// Texts for people and logs. A firmware that never asks for them does not link this file.
#include "postrider/errc.hpp"
#include "postrider/outcome.hpp"

#include <array>

namespace postrider {

std::string_view message(errc e) noexcept {
    static constexpr std::array texts{
#define POSTRIDER_ERRC_TEXT(name, text) std::string_view{text},
        POSTRIDER_ERRC_TABLE(POSTRIDER_ERRC_TEXT)
#undef POSTRIDER_ERRC_TEXT
    };
    return texts[static_cast<std::size_t>(e)];
}

std::string_view name(errc e) noexcept {
    static constexpr std::array names{
#define POSTRIDER_ERRC_NAME(name, text) std::string_view{#name},
        POSTRIDER_ERRC_TABLE(POSTRIDER_ERRC_NAME)
#undef POSTRIDER_ERRC_NAME
    };
    return names[static_cast<std::size_t>(e)];
}

std::string_view name(disposition d) noexcept {
    static constexpr std::array<std::string_view, 6> names{"pending",   "accepted",  "delivered",
                                                           "transient", "permanent", "in_doubt"};
    return names[static_cast<std::size_t>(d)];
}

std::string_view name(stage s) noexcept {
    static constexpr std::array<std::string_view, 11> names{"connect", "greeting", "ehlo", "starttls",
                                                            "auth",    "mail",     "rcpt", "data",
                                                            "content", "command",  "quit"};
    return names[static_cast<std::size_t>(s)];
}

} // namespace postrider
