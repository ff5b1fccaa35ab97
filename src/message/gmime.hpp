// gmime.hpp - GMime, started once, and owners for what it hands out.
#pragma once

#include <gmime/gmime.h>

#include <memory>

namespace postrider {

/// GMime's registrations are neither automatic nor safe to repeat from two threads.
inline void start_gmime() {
    static const bool started = [] {
        g_mime_init();
        return true;
    }();
    static_cast<void>(started);
}

struct glib_free {
    void operator()(void* p) const noexcept { g_free(p); }
};
using glib_text = std::unique_ptr<char, glib_free>;

} // namespace postrider
