#include "support.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <future>
#include <random>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace postrider::test {
namespace {

std::string noise(std::size_t size) {
    std::mt19937 random(7);
    std::string out(size, '\0');
    for (char& c : out) {
        c = static_cast<char>(random());
    }
    return out;
}

/// A pipe whose other end writes the octets and closes.
class fed_pipe {
  public:
    explicit fed_pipe(std::string octets) {
        EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0);
        writer_ = std::thread([this, all = std::move(octets)] {
            for (std::size_t at = 0; at < all.size();) {
                const ssize_t n = ::write(ends_[1], all.data() + at, all.size() - at);
                ASSERT_GT(n, 0);
                at += static_cast<std::size_t>(n);
            }
            ::close(ends_[1]);
        });
    }
    ~fed_pipe() {
        writer_.join();
        ::close(ends_[0]);
    }
    int reading_end() const { return ends_[0]; }

  private:
    std::array<int, 2> ends_{};
    std::thread writer_;
};

// The rules of canonical form once more, the slow way: one octet after the other.
std::string canonical(std::string_view raw) {
    std::string out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] == '\r' || raw[i] == '\n') {
            i += raw.substr(i, 2) == "\r\n" ? 1 : 0;
            out += "\r\n";
        } else {
            out += raw[i];
        }
    }
    return out.empty() || out.ends_with("\r\n") ? out : out + "\r\n";
}

TEST(content, an_empty_one_has_no_octets) {
    EXPECT_EQ(content().size(), 0U);
    EXPECT_EQ(octets_of(content()), "");
    EXPECT_EQ(octets_of(content("")), "");
    const auto traits = content().traits();
    ASSERT_TRUE(traits);
    EXPECT_EQ(traits->canonical_size, 0U);
    EXPECT_EQ(traits->longest_line, 0U);
}

TEST(content, is_read_again_from_every_source) {
    const temporary_folder folder;
    for (const std::size_t size : {std::size_t{1}, content::block_size - 1, content::block_size,
                                   content::block_size + 1, std::size_t{3000000}}) {
        const std::string octets = noise(size);
        const auto file = content::from_file(folder.file("octets", octets));
        ASSERT_TRUE(file);
        fed_pipe pipe(octets);
        const auto piped = content::from_fd(pipe.reading_end());
        ASSERT_TRUE(piped);
        for (const content& c : {content(octets), content::lent(octets), *file, *piped}) {
            EXPECT_EQ(c.size(), size);
            EXPECT_TRUE(octets_of(c) == octets);
            EXPECT_TRUE(octets_of(c) == octets);
        }
    }
}

TEST(content, is_in_one_piece_where_it_lies_so_in_memory) {
    const temporary_folder folder;
    const auto text = [](const content& c) {
        const auto octets = c.in_one_piece();
        return std::string(octets.begin(), octets.end());
    };
    const content whole("one two three");
    EXPECT_EQ(text(whole), "one two three");
    EXPECT_EQ(text(whole.without(std::vector<octet_range>{{0, 4}})), "two three");
    EXPECT_EQ(text(whole.without(std::vector<octet_range>{{4, 8}})), "") << "two pieces";
    EXPECT_EQ(text(content()), "");
    const auto file = content::from_file(folder.file("octets", "one two three"));
    ASSERT_TRUE(file);
    EXPECT_EQ(text(*file), "");
}

TEST(content, outlives_its_file_name_and_descriptor) {
    const temporary_folder folder;
    const std::string path = folder.file("octets", "kept");
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const auto c = content::from_fd(fd);
    ::close(fd);
    ::unlink(path.c_str());
    ASSERT_TRUE(c);
    EXPECT_EQ(octets_of(*c), "kept");
}

TEST(content, an_open_file_is_taken_from_where_it_stands) {
    const temporary_folder folder;
    const std::string path = folder.file("octets", "0123456789");
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(::lseek(fd, 4, SEEK_SET), 4);
    const auto c = content::from_fd(fd);
    ::close(fd);
    ASSERT_TRUE(c);
    EXPECT_EQ(octets_of(*c), "456789");
}

TEST(content, a_file_that_does_not_know_its_size_is_read_to_the_end) {
    const auto c = content::from_file("/proc/self/status");
    ASSERT_TRUE(c);
    EXPECT_GT(c->size(), 0U);
    EXPECT_NE(octets_of(*c).find("Pid:"), std::string::npos);
}

TEST(content, a_pipe_that_does_not_block_is_waited_for) {
    fed_pipe pipe("late");
    ASSERT_EQ(::fcntl(pipe.reading_end(), F_SETFL, O_NONBLOCK), 0);
    const auto c = content::from_fd(pipe.reading_end());
    ASSERT_TRUE(c);
    EXPECT_EQ(octets_of(*c), "late");
}

TEST(content, what_cannot_be_opened_is_an_error_with_its_errno) {
    const temporary_folder folder;
    const auto missing = content::from_file(folder.path() + "/none");
    EXPECT_EQ(errno, ENOENT);
    EXPECT_EQ(missing.error(), errc::content_unreadable);
    const auto directory = content::from_file(folder.path());
    EXPECT_EQ(errno, EISDIR);
    EXPECT_EQ(directory.error(), errc::content_unreadable);
    const auto cut = content::from_file(folder.file("a", "x") + std::string("\0b", 2));
    EXPECT_EQ(errno, ENOENT);
    EXPECT_EQ(cut.error(), errc::content_unreadable);
    EXPECT_EQ(content::from_fd(-1).error(), errc::content_unreadable);
    EXPECT_EQ(errno, EBADF);
}

TEST(content, a_file_that_changes_is_an_error_and_stays_one) {
    const temporary_folder folder;
    const std::string path = folder.file("octets", std::string(1000, 'a'));
    for (const std::size_t new_size : {std::size_t{10}, std::size_t{2000}, std::size_t{1000}}) {
        const auto c = content::from_file(path);
        ASSERT_TRUE(c);
        // The clock of a file system ticks slowly: set the time so that a rewrite of the same size shows.
        folder.file("octets", std::string(new_size, 'b'));
        const timespec times[2]{{1, 0}, {static_cast<time_t>(new_size), 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
        EXPECT_EQ(c->traits().error(), errc::content_unreadable);
        auto reader = c->read();
        errc last = errc::ok;
        for (int i = 0; i < 3; ++i) {
            last = reader.next().error();
        }
        EXPECT_EQ(last, errc::content_unreadable);
        folder.file("octets", std::string(1000, 'a'));
    }
}

TEST(content, a_large_pipe_goes_to_a_private_file_without_a_name) {
    const temporary_folder folder;
    ASSERT_EQ(::setenv("TMPDIR", folder.path().c_str(), 1), 0);
    fed_pipe pipe(noise(3000000));
    const auto c = content::from_fd(pipe.reading_end());
    ::unsetenv("TMPDIR");
    ASSERT_TRUE(c);
    EXPECT_EQ(c->size(), 3000000U);
    // rmdir succeeds on an empty folder only.
    EXPECT_EQ(::rmdir(folder.path().c_str()), 0);
}

TEST(content, no_room_for_the_spool_is_an_error) {
    ASSERT_EQ(::setenv("TMPDIR", "/nonexistent/folder", 1), 0);
    fed_pipe pipe(noise(1200000));
    const auto c = content::from_fd(pipe.reading_end());
    const int why = errno;
    ::unsetenv("TMPDIR");
    std::array<char, 65536> rest{};
    while (::read(pipe.reading_end(), rest.data(), rest.size()) > 0) {
    }
    EXPECT_EQ(c.error(), errc::content_unreadable);
    EXPECT_EQ(why, ENOENT);
}

TEST(content, two_threads_read_one_file) {
    const temporary_folder folder;
    const std::string octets = noise(2000000);
    const auto c = content::from_file(folder.file("octets", octets));
    ASSERT_TRUE(c);
    auto other = std::async(std::launch::async, [&] { return octets_of(*c); });
    EXPECT_TRUE(octets_of(*c) == octets);
    EXPECT_TRUE(other.get() == octets);
}

// Every string over {CR, LF, 'a', NUL, U+00E4's two octets} to length 6 against the slow rules.
TEST(content, traits_agree_with_the_slow_rules_for_all_short_strings) {
    constexpr std::string_view alphabet("\r\na\0\xC3\xA4", 6);
    for (std::size_t length = 0; length <= 6; ++length) {
        std::size_t count = 1;
        for (std::size_t i = 0; i < length; ++i) {
            count *= alphabet.size();
        }
        for (std::size_t n = 0; n < count; ++n) {
            std::string text;
            for (std::size_t i = 0, rest = n; i < length; ++i, rest /= alphabet.size()) {
                text += alphabet[rest % alphabet.size()];
            }
            const auto traits = content::lent(text).traits();
            ASSERT_TRUE(traits);
            const std::string wire = canonical(text);
            std::size_t longest = 0;
            for (std::size_t at = 0; at < wire.size();) {
                const std::size_t end = wire.find("\r\n", at);
                longest = std::max(longest, end - at);
                at = end + 2;
            }
            const std::string header = wire.starts_with("\r\n") ? "" : wire.substr(0, wire.find("\r\n\r\n"));
            const auto is_8bit = [](char c) { return (c & 0x80) != 0; };
            ASSERT_EQ(traits->canonical_size, wire.size());
            ASSERT_EQ(traits->canonical_size == text.size(), text == wire)
                << "the size tells what needs mending";
            ASSERT_EQ(traits->longest_line, longest);
            ASSERT_EQ(traits->has_nul, text.find('\0') != std::string::npos);
            ASSERT_EQ(traits->has_8bit, std::any_of(text.begin(), text.end(), is_8bit));
            ASSERT_EQ(traits->header_has_8bit, std::any_of(header.begin(), header.end(), is_8bit));
        }
    }
}

TEST(content, copies_and_cuts_have_their_own_traits) {
    const content whole("Subject: \xC3\xA4\r\nBcc: \xC3\xB6\r\n\r\nbody\n");
    const content copy = whole;
    const std::array gaps{octet_range{0, 13}};
    const content cut = whole.without(gaps);
    for (int again = 0; again < 2; ++again) {
        EXPECT_EQ(copy.traits()->canonical_size, 13U + 9 + 2 + 6);
        EXPECT_EQ(whole.traits()->canonical_size, 13U + 9 + 2 + 6);
        EXPECT_EQ(cut.traits()->canonical_size, 9U + 2 + 6);
    }
    const content nothing = whole.without(std::array{octet_range{0, whole.size()}});
    EXPECT_EQ(nothing.traits()->canonical_size, 0U);
    EXPECT_TRUE(nothing.read().next()->empty());
}

TEST(content, traits_do_not_depend_on_where_blocks_end) {
    for (const std::string_view middle : {"\r\n", "\r", "\n", "\n\r", "\r\r\n", "\xC3\xA4"}) {
        for (std::size_t shift = 0; shift < 4; ++shift) {
            const std::string octets =
                std::string(content::block_size - shift, 'a') + std::string(middle) + "b";
            const auto traits = content::lent(octets).traits();
            ASSERT_TRUE(traits);
            EXPECT_EQ(traits->canonical_size, canonical(octets).size());
            EXPECT_TRUE(traits->header_is_utf8);
        }
    }
}

TEST(content, a_character_does_not_go_on_in_the_next_line) {
    EXPECT_FALSE(content("Subject: \xC3\r\n\xA4: b\r\n\r\n").traits()->header_is_utf8);
}

TEST(content, what_is_seen_at_the_start_is_the_header_and_a_block) {
    const std::string header = "Subject: x\r\n";
    const std::string line = std::string(70, 'x') + "\n";
    std::string octets = header + "\r\n";
    while (octets.size() < 5 * content::block_size) {
        octets += line;
    }
    const auto all = content::lent(octets).traits();
    const auto start = content::lent(octets).traits_at_start();
    ASSERT_TRUE(all && start);
    EXPECT_TRUE(all->whole);
    EXPECT_FALSE(start->whole);
    EXPECT_GE(start->canonical_size, all->canonical_size); // never too small where all is alike
    EXPECT_LT(start->canonical_size, all->canonical_size + all->canonical_size / 50);
    EXPECT_EQ(start->longest_line, 70U);

    // What is within one block is known whole; and the header is read to its end, however long it is.
    EXPECT_TRUE(content("Subject: x\r\n\r\nbody").traits_at_start()->whole);
    std::string long_header;
    while (long_header.size() < 2 * content::block_size) {
        long_header += "X-Field: " + std::string(60, 'x') + "\r\n";
    }
    const std::string wide = long_header + "Subject: \xC3\xA4\r\n\r\n" + octets;
    EXPECT_TRUE(content::lent(wide).traits_at_start()->header_has_8bit);
    EXPECT_FALSE(content::lent(octets + "\xC3\xA4").traits_at_start()->has_8bit);
}

TEST(content, a_header_in_another_encoding_is_told_from_utf8) {
    EXPECT_TRUE(content("Subject: \xC3\xA4\r\n\r\n\xFF").traits()->header_is_utf8);
    EXPECT_FALSE(content("Subject: \xE4\r\n\r\nbody").traits()->header_is_utf8);
    EXPECT_FALSE(content("Subject: \xC0\xAF\r\n\r\n").traits()->header_is_utf8);     // overlong
    EXPECT_FALSE(content("Subject: \xED\xA0\x80\r\n\r\n").traits()->header_is_utf8); // surrogate
    EXPECT_FALSE(content("Subject: \xF4\x90\x80\x80\r\n\r\n").traits()->header_is_utf8);
    EXPECT_TRUE(content("Subject: \xF4\x8F\xBF\xBF\xF0\x90\x80\x80\xEE\x80\x80\xE0\xA0\x80\r\n\r\n")
                    .traits()
                    ->header_is_utf8);
}

TEST(content, without_leaves_out_exactly_the_gaps_also_of_what_has_gaps) {
    std::mt19937 random(3);
    const std::string octets = noise(200);
    for (int round = 0; round < 2000; ++round) {
        content c = content::lent(octets);
        std::string expected = octets;
        for (int again = 0; again < 3; ++again) {
            std::vector<octet_range> gaps;
            std::string kept;
            std::size_t at = 0;
            while (at < expected.size()) {
                const std::size_t begin = std::min<std::size_t>(expected.size(), at + random() % 40);
                const std::size_t end = std::min<std::size_t>(expected.size(), begin + random() % 30);
                kept += expected.substr(at, begin - at);
                gaps.push_back({begin, end});
                at = end;
            }
            c = c.without(gaps);
            expected = kept;
            ASSERT_EQ(c.size(), expected.size());
            ASSERT_TRUE(octets_of(c) == expected);
        }
    }
}

} // namespace
} // namespace postrider::test
