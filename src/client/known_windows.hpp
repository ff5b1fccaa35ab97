// known_windows.hpp - how many messages a server has shown itself able to take ahead, for all clients of the
// process.
//
// RFC 2920 lets the commands of one message follow the end of another; not every server that lists PIPELINING
// bears it. So the window opens slowly and only by success: it doubles when a whole window of messages was
// taken without trouble. Trouble closes it. A server that answered out of turn is known not to bear it and
// keeps a window of one; a lost line may have been anybody's fault, so the first one only makes the window
// start again, and the second one is taken for the server's nature.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

namespace postrider::line {

class known_windows {
  public:
    /// Of the process; at most `bound` servers are remembered, the one unused for longest is forgotten.
    static known_windows& shared();
    explicit known_windows(std::size_t bound = 1024) : bound_(bound) {}

    /// What to use now; `wanted` is the caller's choice, or automatic_window.
    unsigned width(const std::string& site, unsigned wanted);
    /// So many messages were delivered while the window was used as wide as width() says.
    void clean(const std::string& site, unsigned messages = 1);
    /// What was sent ahead was answered as if it had come out of turn.
    void out_of_turn(const std::string& site);
    /// The line was lost while several messages were under way.
    void lost(const std::string& site);

  private:
    struct entry {
        std::string site;
        unsigned width = 1;
        unsigned clean = 0;
        unsigned lost = 0;
        bool only_one = false;
    };

    entry& of(const std::string& site);

    std::mutex mutex_;
    std::size_t bound_;
    std::list<entry> entries_; // the one used last in front
    std::unordered_map<std::string, std::list<entry>::iterator> index_;
};

} // namespace postrider::line
