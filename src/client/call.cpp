#include <ferrule/client/call.hpp>

#include "framing/separators.hpp"
#include "src/client/client_core.hpp"

#include <algorithm>

namespace ferrule::detail {
namespace {

void require_separators(const std::vector<std::string>& s)
{
    if (s.empty() || std::ranges::any_of(s, &std::string::empty))
        throw_in_context(errc::invalid_argument, "ferrule: an end of line or a separator is empty");
}

} // namespace

exchange::exchange(const caller& by, const call_options& how)
    : client_(by.client),
      end_of_line_(how.end_of_line()),
      timeout_(how.timeout() ? *how.timeout() : client_->default_timeout()),
      idempotent_(how.is_idempotent())
{
}

exchange& exchange::send(const buffers& data, bool lasting)
{
    encoded& frame = request_.emplace(write_request::what::send).frame;
    if (lasting && data.has_temporaries())
        frame.append_owned(data.copy());
    else
        frame.append_view(data.list());
    return *this;
}

exchange& exchange::send_line(byte_view line)
{
    const std::string& end = end_of_line().sent();
    require_separators({end});
    if (line.text().find(end) != std::string_view::npos)
        throw_in_context(errc::unencodable, "ferrule: a line contains the end of line");
    if (!request_)
        request_.emplace(write_request::what::send);
    request_->frame.append_copy(line);
    request_->frame.append_copy(end);
    ++lines_sent_;
    return *this;
}

exchange& exchange::receive_until(std::vector<std::string> separators, bool strip)
{
    require_separators(separators);
    receive(read_request::what::until, max_payload());
    reply_->separators = std::move(separators);
    reply_->strip = strip;
    return *this;
}

exchange& exchange::receive_until_silence(std::chrono::nanoseconds gap)
{
    receive(read_request::what::silence, max_payload());
    reply_->gap = gap;
    return *this;
}

exchange& exchange::receive_lines(std::size_t n)
{
    separators_ = end_of_line().received();
    require_separators(separators_);
    lines_ = n;
    return n == 0 ? receive_exactly(0) : receive(read_request::what::frame, max_payload());
}

exchange& exchange::or_end()
{
    reply_->end_is_nothing = true;
    return *this;
}

exchange& exchange::open()
{
    opens_ = true;
    return *this;
}

exchange& exchange::receive(read_request::what kind, std::size_t size)
{
    reply_.emplace(kind, size);
    return *this;
}

bool exchange::is_empty() const noexcept
{
    if (sends() || opens_)
        return false;
    return !reply_ || (reply_->kind == read_request::what::exactly && reply_->size == 0);
}

const read_request& exchange::reply() noexcept
{
    if (reply_->kind == read_request::what::frame) {
        found_ = {};
        reply_->decoder = {this, find_lines};
    }
    return *reply_;
}

const line_end& exchange::end_of_line() const
{
    return end_of_line_ ? *end_of_line_ : client_->end_of_line();
}

std::size_t exchange::max_payload() const
{
    return client_->max_payload();
}

decode_result exchange::find_lines(void* self, byte_view buffered, std::uint64_t)
{
    auto& x = *static_cast<exchange*>(self);
    const std::size_t max = x.reply_->size;
    for (; x.found_.lines < x.lines_; ++x.found_.lines) {
        const std::string_view rest = buffered.text().substr(x.found_.end);
        const separator_match m = find_separator(rest, x.found_.searched, x.separators_);
        x.found_.searched = m.length == 0 ? rest.size() : 0;
        if (m.length == 0)
            return buffered.size() > max ? decode_result::failed(errc::too_large) : decode_result::need_more(1);
        x.found_.end += m.end;
    }
    return x.found_.end > max ? decode_result::failed(errc::too_large) : decode_result::frame(0, x.found_.end);
}

std::vector<bytes> lines_of(byte_view reply, const std::vector<std::string>& separators)
{
    std::vector<bytes> lines;
    while (!reply.empty()) {
        const separator_match m = find_separator(reply.text(), 0, separators);
        lines.emplace_back(reply.first(m.end - m.length));
        reply = reply.subspan(m.end);
    }
    return lines;
}

} // namespace ferrule::detail
