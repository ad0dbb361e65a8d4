"""Pictures made of samples: sheets and animations."""
