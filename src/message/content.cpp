// content.cpp - octets that can be read again, and one look at them.
#include "postrider/content.hpp"

#include "line_end.hpp"
#include "source.hpp"
#include "spool.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace postrider {
namespace {

/// Closes on the way out, and leaves errno as it was for the caller to read.
class descriptor {
  public:
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
        if (fd_ >= 0) {
            const int kept = errno;
            ::close(fd_);
            errno = kept;
        }
    }
    int value() const noexcept { return fd_; }

  private:
    int fd_;
};

/// read() that waits when the descriptor was set not to block (standard input often shares that with a
/// terminal).
ssize_t read_some(int fd, std::span<char> into) {
    for (;;) {
        const ssize_t n = ::read(fd, into.data(), into.size());
        if (n >= 0) {
            return n;
        }
        if (errno == EAGAIN) {
            pollfd waiting{fd, POLLIN, 0};
            ::poll(&waiting, 1, -1);
        } else if (errno != EINTR) {
            return -1;
        }
    }
}

result<content> spool_stream(int fd) {
    spool kept(content::spool_over);
    std::vector<char> block(std::size_t{64} * 1024);
    for (;;) {
        const ssize_t n = read_some(fd, block);
        if (n == 0) {
            return kept.finish();
        }
        if (n < 0 || !kept.append({block.data(), static_cast<std::size_t>(n)})) {
            return errc::content_unreadable;
        }
    }
}

/// Counts lines as they will be on the wire, where CRLF, a bare CR and a bare LF are all the end of a line.
class traits_scan {
  public:
    void feed(std::span<const char> octets) {
        traits_.has_nul = traits_.has_nul || std::memchr(octets.data(), '\0', octets.size()) != nullptr;
        traits_.has_8bit = traits_.has_8bit || has_8bit(octets);
        const char* at = octets.data();
        const char* const end = at + octets.size();
        while (at != end) {
            if (std::exchange(after_cr_, false) && *at == '\n') {
                ++at;
                continue;
            }
            at = run(at, end);
            if (at != end) {
                after_cr_ = *at == '\r';
                ++at;
                end_line();
            }
        }
    }

    content_traits finish() {
        if (line_ != 0) {
            end_line();
        }
        traits_.header_is_utf8 = header_utf8_.valid();
        return traits_;
    }

    bool in_header() const { return in_header_; }

    // The rest is taken to be like what was seen; rounded up, for a size that is too small promises too much.
    content_traits finish_early(std::uint64_t seen, std::uint64_t size) {
        content_traits found = finish();
        const std::uint64_t added = found.canonical_size - seen;
        found.canonical_size = size + added * (size / seen + 1);
        found.whole = false;
        return found;
    }

  private:
    const char* run(const char* at, const char* end) {
        const char* const begin = at;
        at = find_line_end(at, end);
        line_ += static_cast<std::uint64_t>(at - begin);
        const bool wide = in_header_ && has_8bit({begin, at});
        traits_.header_has_8bit = traits_.header_has_8bit || wide;
        if (wide || (in_header_ && !header_utf8_.valid())) {
            header_utf8_.feed({begin, at});
        }
        return at;
    }

    static bool has_8bit(std::span<const char> octets) {
        unsigned char all = 0;
        for (const char c : octets) { // without a branch: the compiler makes vectors of it
            all |= static_cast<unsigned char>(c);
        }
        return all >= 0x80;
    }

    void end_line() {
        if (in_header_) {
            header_utf8_.feed({"\n", 1}); // no character goes on in the next line
        }
        in_header_ = in_header_ && line_ != 0;
        traits_.canonical_size += line_ + 2;
        traits_.longest_line = std::max(traits_.longest_line, line_);
        line_ = 0;
    }

    content_traits traits_;
    utf8_check header_utf8_;
    std::uint64_t line_ = 0;
    bool after_cr_ = false;
    bool in_header_ = true;
};

} // namespace

content::source::~source() {
    if (fd >= 0) {
        ::close(fd);
    }
}

bool content::source::unchanged() const noexcept {
    struct stat now {};
    if (!watched) {
        return true;
    }
    if (::fstat(fd, &now) != 0) {
        return false;
    }
    const bool same = static_cast<std::uint64_t>(now.st_size) == file_size &&
                      now.st_mtim.tv_sec == modified.tv_sec && now.st_mtim.tv_nsec == modified.tv_nsec;
    errno = same ? errno : ESTALE;
    return same;
}

content::content(std::shared_ptr<const source> whole)
    : source_(std::move(whole)), whole_{0, source_->size}, size_(source_->size) {}

content::content(std::string text) {
    auto made = std::make_shared<source>();
    made->owned = std::move(text);
    made->octets = made->owned;
    made->size = made->octets.size();
    *this = content(std::shared_ptr<const source>(std::move(made)));
}

content::content(const char* text) : content(std::string(text)) {}

content content::lent(std::string_view octets) {
    auto made = std::make_shared<source>();
    made->octets = octets;
    made->size = octets.size();
    return content(std::shared_ptr<const source>(std::move(made)));
}

result<content> content::from_file(const std::string& path) {
    if (path.find('\0') != std::string::npos) {
        errno = ENOENT; // the system would open what stands before the NUL
        return errc::content_unreadable;
    }
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (file.value() < 0) {
        return errc::content_unreadable;
    }
    return from_fd(file.value());
}

result<content> content::from_fd(int fd) {
    struct stat now {};
    if (::fstat(fd, &now) != 0) {
        return errc::content_unreadable;
    }
    // Files under /proc call themselves regular and empty: read those like a pipe.
    if (!S_ISREG(now.st_mode) || now.st_size == 0) {
        return spool_stream(fd);
    }
    const off_t start = ::lseek(fd, 0, SEEK_CUR);
    const int own = start < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0) {
        return errc::content_unreadable;
    }
    auto made = std::make_shared<source>();
    made->fd = own;
    made->start = static_cast<std::uint64_t>(start);
    made->file_size = static_cast<std::uint64_t>(now.st_size);
    made->size = made->file_size - std::min(made->file_size, made->start);
    made->watched = true;
    made->modified = now.st_mtim;
    return content(std::shared_ptr<const source>(std::move(made)));
}

result<content_traits> content::traits() const {
    if (!is_lasting() || size_ != source_->size) {
        return look(true);
    }
    if (!source_->is_measured.load(std::memory_order_acquire)) {
        std::call_once(source_->measuring, [this] {
            source_->measured = *look(true); // memory is always readable
            source_->is_measured.store(true, std::memory_order_release);
        });
    }
    return source_->measured;
}

bool content::is_lasting() const noexcept {
    return source_ != nullptr && !source_->in_file();
}

std::span<const char> content::in_one_piece() const noexcept {
    const std::span<const octet_range> all = slices();
    if (!is_lasting() || all.size() != 1) {
        return {};
    }
    return source_->octets.substr(static_cast<std::size_t>(all[0].begin), static_cast<std::size_t>(size_));
}

result<content_traits> content::traits_at_start() const {
    return look(false);
}

result<content_traits> content::look(bool to_the_end) const {
    traits_scan scan;
    reader octets = read();
    std::uint64_t seen = 0;
    for (;;) {
        const auto chunk = octets.next();
        if (!chunk) {
            return chunk.error();
        }
        if (chunk->empty()) {
            return scan.finish();
        }
        scan.feed(*chunk);
        seen += chunk->size();
        if (!to_the_end && !scan.in_header() && seen < size_) {
            return scan.finish_early(seen, size_);
        }
    }
}

content::reader content::read() const {
    return reader(*this);
}

std::span<const octet_range> content::slices() const noexcept {
    return whole_.end != 0 ? std::span(&whole_, 1) : std::span(slices_);
}

content content::without(std::span<const octet_range> gaps) const {
    content kept;
    kept.source_ = source_;
    std::uint64_t at = 0; // where the slice begins, counted in this content
    std::size_t gap = 0;
    for (const octet_range slice : slices()) {
        const std::uint64_t end = at + (slice.end - slice.begin);
        std::uint64_t from = at;
        const auto keep = [&](std::uint64_t to) {
            if (to > from) {
                kept.slices_.push_back({slice.begin + (from - at), slice.begin + (to - at)});
                kept.size_ += to - from;
            }
        };
        for (; gap < gaps.size() && gaps[gap].begin < end; ++gap) {
            keep(std::min(gaps[gap].begin, end));
            from = std::max(from, std::min(gaps[gap].end, end));
            if (gaps[gap].end > end) {
                break; // it goes on in the next slice
            }
        }
        keep(end);
        at = end;
    }
    return kept;
}

result<std::span<const char>> content::reader::next() {
    const std::span<const octet_range> slices = content_.slices();
    while (slice_ != slices.size() && done_ == slices[slice_].end - slices[slice_].begin) {
        ++slice_;
        done_ = 0;
    }
    if (failed_) {
        return errc::content_unreadable;
    }
    if (slice_ == slices.size()) {
        failed_ = content_.source_ != nullptr && !content_.source_->unchanged();
        return failed_ ? result<std::span<const char>>(errc::content_unreadable) : std::span<const char>{};
    }
    const octet_range slice = slices[slice_];
    const std::uint64_t offset = slice.begin + done_;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(slice.end - offset, block_size));
    done_ += size;
    if (content_.source_->in_file()) {
        return read_file(offset, size);
    }
    return std::span<const char>(content_.source_->octets.substr(static_cast<std::size_t>(offset), size));
}

result<std::span<const char>> content::reader::read_file(std::uint64_t offset, std::size_t size) {
    if (block_.size() < size) {
        block_.resize(size);
    }
    for (std::size_t got = 0; got != size;) {
        const auto where = static_cast<off_t>(content_.source_->start + offset + got);
        const ssize_t n = ::pread(content_.source_->fd, block_.data() + got, size - got, where);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? ESTALE : errno; // the file has become shorter
            failed_ = true;
            return errc::content_unreadable;
        }
        got += static_cast<std::size_t>(n);
    }
    return std::span<const char>(block_.data(), size);
}

} // namespace postrider
