// tally.hpp - how many messages of a run ended in which way, and the one exit code for all of them.
#pragma once

#include "postrider/client.hpp"

#include <cstdint>
#include <string>

namespace postrider::cli {

struct tally {
    std::uint64_t messages = 0; ///< of the list
    std::uint64_t delivered = 0;
    std::uint64_t partial = 0; ///< some recipients got it, some did not
    std::uint64_t permanent = 0;
    std::uint64_t transient = 0;
    std::uint64_t in_doubt = 0;
    std::uint64_t skipped = 0; ///< of those above, what the journal settled before this run
    int failure = 0;           ///< the exit code of what was not accepted

    /// Counts a message by what became of its recipients.
    void add(const send_result& result);
    /// One that could not be made or read.
    void add_unusable(int exit);
    /// Its reason is the run's where nothing else is.
    void add_failure(int exit);

    std::uint64_t settled() const { return delivered + failed(); }
    std::uint64_t failed() const { return partial + permanent + transient + in_doubt; }
    std::uint64_t not_tried() const { return messages > settled() ? messages - settled() : 0; }
    /// As for the recipients of one message: 0 all, 2 any in doubt, 1 some, else what the failure was.
    int exit() const;
    /// delivered, partial, in_doubt, transient, permanent, not_tried.
    const char* verdict() const;
};

} // namespace postrider::cli
