#include "known_sessions.hpp"

#include <ctime>
#include <utility>

namespace postrider::line {

namespace {

bool has_expired(const SSL_SESSION& session) {
    const auto age = std::time(nullptr) - static_cast<std::time_t>(SSL_SESSION_get_time(&session));
    return age < 0 || age >= SSL_SESSION_get_timeout(&session);
}

} // namespace

known_sessions& known_sessions::shared() {
    // Never destroyed: a client of static storage may outlive any other static object.
    static known_sessions& of_the_process = *new known_sessions;
    return of_the_process;
}

void known_sessions::keep(entry e) {
    const std::lock_guard lock(mutex_);
    const std::string& key = entries_.emplace_front(std::move(e)).key;
    std::size_t same = 0;
    std::size_t all = 0;
    for (auto at = entries_.begin(); at != entries_.end();) {
        same += at->key == key ? 1 : 0;
        const bool too_many = ++all > bound_ || (at->key == key && same > bound_per_key_);
        at = too_many ? entries_.erase(at) : std::next(at);
    }
}

std::optional<known_sessions::entry> known_sessions::take(const std::string& key) {
    const std::lock_guard lock(mutex_);
    for (auto at = entries_.begin(); at != entries_.end();) {
        if (at->key != key) {
            ++at;
            continue;
        }
        entry found = std::move(*at);
        at = entries_.erase(at);
        if (!has_expired(*found.session)) {
            return found;
        }
    }
    return std::nullopt;
}

} // namespace postrider::line
