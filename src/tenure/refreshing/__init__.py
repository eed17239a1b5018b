"""The refresh: the only writer of spans, scorecard, fits and reports."""
