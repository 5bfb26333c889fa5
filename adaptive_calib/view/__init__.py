"""What is seen: pure data first, then HoloViews, Matplotlib or text."""
