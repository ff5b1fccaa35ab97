// spool.cpp - where to put what does not fit in memory.
//
// A temporary file with a name can be opened by others, survives a crash and must be thought of at every
// exit. So it never gets one: O_TMPFILE where the file system can, else a file unlinked the moment it exists.
#include "spool.hpp"

#include "source.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace postrider {
namespace {

constexpr std::size_t write_size = std::size_t{64} * 1024;

int open_with_passing_name(const std::string& folder) {
    std::string name = folder + "/postrider-XXXXXX";
    const int fd = ::mkostemp(name.data(), O_CLOEXEC); // makes it 0600
    if (fd >= 0) {
        ::unlink(name.c_str());
    }
    return fd;
}

int open_in(const std::string& folder) {
    const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0) {
        return fd;
    }
    return open_with_passing_name(folder);
}

/// /var/tmp before /tmp: the latter is often memory, which is just what shall not be used here.
int open_anonymous() {
    if (const char* chosen = ::secure_getenv("TMPDIR"); chosen != nullptr && *chosen == '/') {
        return open_in(chosen);
    }
    const int fd = open_in("/var/tmp");
    return fd >= 0 ? fd : open_in("/tmp");
}

bool write_all(int fd, std::string_view octets) {
    while (!octets.empty()) {
        const ssize_t n = ::write(fd, octets.data(), octets.size());
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        octets.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

} // namespace

spool::~spool() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

bool spool::append(std::string_view octets) {
    while (!octets.empty() && !failed_) {
        const std::size_t limit = fd_ < 0 && memory_limit_ > write_size ? memory_limit_ : write_size;
        const std::size_t room = limit > memory_.size() ? limit - memory_.size() : 0;
        memory_.append(octets.substr(0, room));
        octets.remove_prefix(octets.size() < room ? octets.size() : room);
        if (!octets.empty()) {
            failed_ = !flush();
        }
    }
    return !failed_;
}

bool spool::flush() {
    if (fd_ < 0) {
        fd_ = open_anonymous();
    }
    if (fd_ < 0 || !write_all(fd_, memory_)) {
        return false;
    }
    written_ += memory_.size();
    memory_.clear();
    if (memory_.capacity() > 2 * write_size) {
        memory_.shrink_to_fit(); // what was kept in memory so far has left it
    }
    return true;
}

result<content> spool::finish() {
    if (failed_ || (fd_ >= 0 && !flush())) {
        failed_ = true;
        return errc::content_unreadable;
    }
    if (fd_ < 0) {
        return content(std::move(memory_));
    }
    auto source = std::make_shared<content::source>();
    source->fd = std::exchange(fd_, -1);
    source->size = written_;
    return content(std::move(source));
}

} // namespace postrider
