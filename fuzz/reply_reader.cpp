// The reply reader: the same replies however the octets are cut, within the space that was lent.
#include "expect.hpp"
#include "postrider/reply.hpp"

#include <cstdint>
#include <string>
#include <vector>

using namespace postrider;

static std::string read(std::string_view octets, std::size_t cut, std::size_t space_size) {
    std::vector<char> space(space_size);
    reply_reader r{space};
    std::string story;
    while (!octets.empty()) {
        std::string_view piece = octets.substr(0, cut);
        octets.remove_prefix(piece.size());
        while (!piece.empty()) {
            const auto e = r.feed(piece);
            EXPECT(r.text().size() <= space_size);
            if (e == reply_reader::event::failed) {
                EXPECT(r.error() != errc::ok);
                return story + std::string{name(r.error())};
            }
            if (e == reply_reader::event::complete) {
                EXPECT(r.code() >= 200 && r.code() <= 559 && r.at_start());
                const enhanced_status s = parse_enhanced_status(r.text(), r.code() / 100U);
                EXPECT(!s || (s.class_digit == r.code() / 100 && s.subject < 1000 && s.detail < 1000));
                story +=
                    std::to_string(r.code()) + ' ' + std::string{r.text()} + (r.truncated() ? "...\n" : "\n");
            } else if (e == reply_reader::event::line) {
                EXPECT(r.line().size() <= space_size);
                story += "| " + std::string{r.line()} + '\n';
            }
        }
    }
    return story;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const std::size_t cut = data[0] % 16U + 1;
    const std::size_t space = data[1];
    const std::string_view octets{reinterpret_cast<const char*>(data) + 2, size - 2};
    const std::string whole = read(octets, octets.size() + 1, space);
    EXPECT(whole == read(octets, cut, space));
    EXPECT(whole == read(octets, 1, space));
    return 0;
}
