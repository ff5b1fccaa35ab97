#include "known_windows.hpp"

#include "postrider/client.hpp"

#include <algorithm>

namespace postrider::line {

known_windows& known_windows::shared() {
    static known_windows of_the_process;
    return of_the_process;
}

known_windows::entry& known_windows::of(const std::string& site) {
    if (const auto found = index_.find(site); found != index_.end()) {
        entries_.splice(entries_.begin(), entries_, found->second);
        return entries_.front();
    }
    if (entries_.size() >= bound_) {
        index_.erase(entries_.back().site);
        entries_.pop_back();
    }
    entries_.emplace_front().site = site;
    index_.emplace(site, entries_.begin());
    return entries_.front();
}

unsigned known_windows::width(const std::string& site, unsigned wanted) {
    if (wanted == 1) {
        return 1;
    }
    const std::lock_guard lock(mutex_);
    const entry& e = of(site);
    return e.only_one ? 1 : wanted == automatic_window ? e.width : wanted;
}

void known_windows::clean(const std::string& site, unsigned messages) {
    const std::lock_guard lock(mutex_);
    entry& e = of(site);
    for (e.clean += messages; e.clean >= e.width;) {
        e.clean -= e.width;
        e.width = std::min(2 * e.width, widest_automatic_window);
    }
}

void known_windows::out_of_turn(const std::string& site) {
    const std::lock_guard lock(mutex_);
    of(site).only_one = true;
}

void known_windows::lost(const std::string& site) {
    const std::lock_guard lock(mutex_);
    entry& e = of(site);
    e.width = 1;
    e.clean = 0;
    e.only_one = ++e.lost > 1;
}

} // namespace postrider::line
